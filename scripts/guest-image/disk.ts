import { mkdir, open, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from '../run.ts'

const mib = 1 << 20
const bootStartMiB = 1
const dataMiB = 32

const bootConfig = `DEFAULT linux
PROMPT 0
TIMEOUT 0
LABEL linux
  KERNEL /vmlinuz
  INITRD /initrd
  APPEND console=ttyS0,115200 quiet panic=10 rdinit=/init
`

const grubConfig = `set timeout=0
linux /vmlinuz console=ttyS0,115200 quiet panic=10 rdinit=/init
initrd /initrd
boot
`

/** Boot loaders for UEFI: the one that the firmware trusts, and the one that it starts. */
export interface EfiLoaders {
  readonly shim: string
  readonly grub: string
}

/** What goes onto the boot partition, as paths. */
export interface BootFiles {
  readonly kernel: string
  readonly initrd: string
  readonly bootMiB: number
  readonly loaders?: EfiLoaders
}

/**
 * A bootable disk: an MBR with a FAT partition that holds boot loader, kernel and initial file system, and an ext4
 * partition for the guest's data. Made with user-land tools only: nothing is mounted, no loop device is needed.
 */
export async function makeDisk(work: string, boot: BootFiles, output: string): Promise<void> {
  const { bootMiB } = boot
  const raw = join(work, 'disk.raw')
  const disk = await open(raw, 'w')
  await disk.truncate((bootStartMiB + bootMiB + dataMiB) * mib)
  await disk.close()

  await splice(raw, 0, partitionTable(bootMiB))
  await writeBoot(work, raw, boot)
  await writeData(work, raw, bootStartMiB + bootMiB)
  await run('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', '-c', raw, output])
}

/** A classic MBR: two entries of 16 bytes at 446 and the signature; LBA only, as every BIOS since the nineties reads. */
function partitionTable(bootMiB: number): Buffer {
  const sector = Buffer.alloc(512)
  const entry = (index: number, type: number, startMiB: number, sizeMiB: number) => {
    const at = 446 + index * 16
    sector[at] = index === 0 ? 0x80 : 0 // the first is the one that boots
    sector.fill(0xff, at + 1, at + 4)
    sector[at + 4] = type
    sector.fill(0xff, at + 5, at + 8)
    sector.writeUInt32LE((startMiB * mib) / 512, at + 8)
    sector.writeUInt32LE((sizeMiB * mib) / 512, at + 12)
  }
  entry(0, 0x0e, bootStartMiB, bootMiB)
  entry(1, 0x83, bootStartMiB + bootMiB, dataMiB)
  sector.writeUInt16LE(0xaa55, 510)
  return sector
}

async function writeBoot(work: string, raw: string, boot: BootFiles): Promise<void> {
  const { kernel, initrd, bootMiB, loaders } = boot
  const fat = join(work, 'boot.fat')
  const file = await open(fat, 'w')
  await file.truncate(bootMiB * mib)
  await file.close()
  await run('mkfs.vfat', ['-F', '16', '-s', '4', '-h', String((bootStartMiB * mib) / 512), '-n', 'BOOT', fat])
  const config = join(work, 'syslinux.cfg')
  await writeFile(config, bootConfig)
  await run('mcopy', ['-i', fat, kernel, '::/vmlinuz'])
  await run('mcopy', ['-i', fat, initrd, '::/initrd'])
  await run('mcopy', ['-i', fat, config, '::/syslinux.cfg'])
  if (loaders !== undefined) await writeLoaders(work, fat, loaders)
  await run('syslinux', ['--install', fat])
  await splice(raw, bootStartMiB * mib, await readFile(fat))
  // The code part of the MBR only: the partition table behind it stays.
  await splice(raw, 0, (await readFile(await mbrPath())).subarray(0, 440))
}

/** Where firmware looks on a disk that it does not know; each distribution's GRUB reads a directory of its own. */
async function writeLoaders(work: string, fat: string, { shim, grub }: EfiLoaders): Promise<void> {
  const config = join(work, 'grub.cfg')
  await writeFile(config, grubConfig)
  const directories = ['EFI', 'EFI/BOOT', 'EFI/debian', 'EFI/ubuntu']
  await run('mmd', ['-i', fat, ...directories.map((path) => `::/${path}`)])
  await run('mcopy', ['-i', fat, shim, '::/EFI/BOOT/BOOTX64.EFI'])
  await run('mcopy', ['-i', fat, grub, '::/EFI/BOOT/grubx64.efi'])
  for (const path of ['EFI/debian', 'EFI/ubuntu'])
    await run('mcopy', ['-i', fat, config, `::/${path}/grub.cfg`])
}

async function writeData(work: string, raw: string, startMiB: number): Promise<void> {
  const root = join(work, 'data')
  await mkdir(root, { recursive: true })
  const image = join(work, 'data.ext4')
  await run('mke2fs', ['-q', '-t', 'ext4', '-L', 'data', '-d', root, image, `${dataMiB}M`])
  await splice(raw, startMiB * mib, await readFile(image))
}

async function splice(path: string, offset: number, bytes: Uint8Array): Promise<void> {
  const file = await open(path, 'r+')
  try {
    await file.write(bytes, 0, bytes.length, offset)
  } finally {
    await file.close()
  }
}

async function mbrPath(): Promise<string> {
  for (const path of [
    '/usr/lib/syslinux/mbr/mbr.bin',
    '/usr/lib/SYSLINUX/mbr.bin',
    '/usr/share/syslinux/mbr.bin',
  ]) {
    if (
      await readFile(path).then(
        () => true,
        () => false,
      )
    )
      return path
  }
  throw new Error('mbr.bin of syslinux was not found: is the package syslinux-common installed?')
}
