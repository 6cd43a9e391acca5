import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { ImageImport } from '../../node-daemon/storage/storage-driver.ts'
import { rawImage } from './storage-driver-images.ts'

const run = promisify(execFile)
const mebibyte = 1024 ** 2

/** Whole images as qemu-img makes them, to be damaged. */
export interface GoodImages {
  readonly qcow2: Buffer
  readonly compressed: Buffer
  readonly vmdk: Buffer
  readonly vdi: Buffer
  readonly iso: Buffer
}

export async function makeGoodImages(directory: string): Promise<GoodImages> {
  const raw = join(directory, 'good.raw')
  await writeFile(raw, rawImage(2 * mebibyte))
  const make = async (format: string, ...options: string[]) => {
    const path = join(directory, `good.${format}`)
    await run('qemu-img', ['convert', '-f', 'raw', '-O', format, ...options, raw, path])
    return readFile(path)
  }
  return {
    qcow2: await make('qcow2'),
    compressed: await make('qcow2', '-c'),
    vmdk: await make('vmdk'),
    vdi: await make('vdi'),
    iso: anIso(),
  }
}

/** An ISO 9660 volume of 64 blocks with nothing in it. */
export function anIso(): Buffer {
  const iso = Buffer.alloc(64 * 2048)
  iso.write('\x01CD001\x01', 0x8000, 'latin1')
  iso.writeUInt32LE(64, 0x8000 + 80)
  iso.writeUInt16LE(2048, 0x8000 + 128)
  return iso
}

export interface MalformedImage {
  readonly name: string
  readonly format?: ImageImport['format']
  readonly says: RegExp
  readonly make: (good: GoodImages) => Buffer
}

type Damage = (image: Buffer) => void

const damaged =
  (of: keyof GoodImages, damage: Damage) =>
  (good: GoodImages): Buffer => {
    const image = Buffer.from(good[of])
    damage(image)
    return image
  }

/** Where the first level-1 entry is, and what it points to. */
const l1At = (image: Buffer) => Number(image.readBigUInt64BE(40))
const l2At = (image: Buffer) => Number(image.readBigUInt64BE(l1At(image)) & 0x00fffffffffffe00n)
const copied = 1n << 63n
const farAway = 1n << 44n

function extension(image: Buffer, type: number, content: string): void {
  const at = image.readUInt32BE(100)
  image.fill(0, at, at + 64)
  image.writeUInt32BE(type, at)
  image.writeUInt32BE(content.length, at + 4)
  image.write(content, at + 8)
}

function descriptor(image: Buffer, from: string, to: string): void {
  const at = image.indexOf(from)
  if (at < 0) throw new Error(`the vmdk has no ${from}`)
  image.write(to.padEnd(from.length), at, 'latin1')
}

/** Every one must be refused: what it would do is in its name. */
export const malformedImages: readonly MalformedImage[] = [
  {
    name: 'qcow2 over /etc/shadow',
    says: /backing file/,
    make: damaged('qcow2', (image) => {
      image.writeBigUInt64BE(1024n, 8)
      image.writeUInt32BE('/etc/shadow'.length, 16)
      image.write('/etc/shadow', 1024)
    }),
  },
  {
    name: 'qcow2 over json:{} that opens a socket',
    says: /backing file/,
    make: damaged('qcow2', (image) => {
      const name = 'json:{"driver":"nbd","host":"127.0.0.1"}'
      image.writeBigUInt64BE(1024n, 8)
      image.writeUInt32BE(name.length, 16)
      image.write(name, 1024)
    }),
  },
  {
    name: 'qcow2 with its data in /etc/shadow',
    says: /another file/,
    make: damaged('qcow2', (image) => {
      image.writeBigUInt64BE(4n, 72)
      extension(image, 0x44415441, '/etc/shadow')
    }),
  },
  {
    name: 'qcow2 that names a data file without the feature',
    says: /another file/,
    make: damaged('qcow2', (image) => extension(image, 0x44415441, '/etc/shadow')),
  },
  {
    name: 'qcow2 of an exbibyte',
    says: /at most/,
    make: damaged('qcow2', (image) => image.writeBigUInt64BE(1n << 60n, 24)),
  },
  {
    name: 'qcow2 of less than nothing',
    says: /at most/,
    make: damaged('qcow2', (image) => image.writeBigUInt64BE(0xffffffffffffffffn, 24)),
  },
  {
    name: 'qcow2 whose tables are too few for its size',
    says: /cannot be read as qcow2/,
    make: damaged('qcow2', (image) => image.writeBigUInt64BE(1n << 42n, 24)),
  },
  {
    name: 'qcow2 cut in its header',
    says: /cut short/,
    make: ({ qcow2 }) => qcow2.subarray(0, 50),
  },
  {
    name: 'qcow2 cut in its data',
    says: /cut short/,
    make: ({ qcow2 }) => qcow2.subarray(0, qcow2.length - 65_536),
  },
  {
    name: 'qcow2 cut before its tables',
    says: /outside of itself/,
    make: ({ qcow2 }) => qcow2.subarray(0, 8192),
  },
  {
    name: 'qcow2 with its level-1 table elsewhere',
    says: /level-1 table outside/,
    make: damaged('qcow2', (image) => image.writeBigUInt64BE(farAway, 40)),
  },
  {
    name: 'qcow2 with its level-1 table at an odd place',
    says: /level-1 table outside/,
    make: damaged('qcow2', (image) => image.writeBigUInt64BE(BigInt(l1At(image)) + 8n, 40)),
  },
  {
    name: 'qcow2 with a level-1 table of 32 GiB',
    says: /too large/,
    make: damaged('qcow2', (image) => image.writeUInt32BE(0xffffffff, 36)),
  },
  {
    name: 'qcow2 with a reference table of 256 TiB',
    says: /too large/,
    make: damaged('qcow2', (image) => image.writeUInt32BE(0xffffffff, 56)),
  },
  {
    name: 'qcow2 with a level-2 table past its end',
    says: /damaged/,
    make: damaged('qcow2', (image) => image.writeBigUInt64BE(copied | farAway, l1At(image))),
  },
  {
    name: 'qcow2 with data past its end',
    says: /damaged/,
    make: damaged('qcow2', (image) => image.writeBigUInt64BE(copied | farAway, l2At(image))),
  },
  {
    name: 'qcow2 whose data are its own tables',
    says: /damaged/,
    make: damaged('qcow2', (image) => image.writeBigUInt64BE(copied | 65_536n, l2At(image))),
  },
  {
    name: 'qcow2 bomb: every cluster is the same one',
    says: /damaged/,
    make: damaged('qcow2', (image) => {
      const at = l2At(image)
      const entry = image.readBigUInt64BE(at)
      for (let index = 0; index < 32; index++) image.writeBigUInt64BE(entry, at + index * 8)
    }),
  },
  {
    name: 'qcow2 whose compressed data are noise',
    says: /data that cannot be read|damaged/,
    make: damaged('compressed', (image) => {
      const entry = image.readBigUInt64BE(l2At(image))
      const at = Number(entry & ((1n << 54n) - 1n))
      image.fill(0xff, at, at + 64)
    }),
  },
  {
    name: 'qcow2 with snapshots that are not there',
    says: /snapshots/,
    make: damaged('qcow2', (image) => {
      image.writeUInt32BE(65_536, 60)
      image.writeBigUInt64BE(farAway, 64)
    }),
  },
  {
    name: 'qcow2 with features to come',
    says: /not known/,
    make: damaged('qcow2', (image) => image.writeBigUInt64BE(1n << 63n, 72)),
  },
  {
    name: 'qcow2 marked as corrupt',
    says: /corrupt/,
    make: damaged('qcow2', (image) => image.writeBigUInt64BE(2n, 72)),
  },
  {
    name: 'qcow2 with AES encryption',
    says: /encrypted/,
    make: damaged('qcow2', (image) => image.writeUInt32BE(1, 32)),
  },
  {
    name: 'qcow2 with a LUKS header',
    says: /encrypted/,
    make: damaged('qcow2', (image) => extension(image, 0x0537be77, 'x'.repeat(16))),
  },
  {
    name: 'qcow2 with clusters of 2^63 bytes',
    says: /clusters/,
    make: damaged('qcow2', (image) => image.writeUInt32BE(63, 20)),
  },
  {
    name: 'qcow2 with a header of 4 GiB',
    says: /header/,
    make: damaged('qcow2', (image) => image.writeUInt32BE(0xffffffff, 100)),
  },
  {
    name: 'qcow2 with an endless header extension',
    says: /extension/,
    make: damaged('qcow2', (image) => image.writeUInt32BE(0x7fffffff, image.readUInt32BE(100) + 4)),
  },
  {
    name: 'vmdk that is a list of files of the host',
    says: /several files/,
    make: damaged('vmdk', (image) => {
      image.writeBigUInt64LE(0n, 12)
      descriptor(image, 'RW 4096 SPARSE', 'RW 4096 FLAT "/etc/shadow" 0\n')
    }),
  },
  {
    name: 'vmdk of a type with several files',
    says: /several files/,
    make: damaged('vmdk', (image) => descriptor(image, 'createType="monolithicSparse"', 'createType="vmfs"')),
  },
  {
    name: 'vmdk with a flat extent elsewhere',
    says: /several files/,
    make: damaged('vmdk', (image) => descriptor(image, 'RW 4096 SPARSE', 'RW 4096 FLAT')),
  },
  {
    name: 'vmdk with /etc/shadow as its parent',
    says: /parent/,
    make: damaged('vmdk', (image) =>
      descriptor(image, 'ddb.virtualHWVersion = "4"', 'parentFileNameHint="/e/s"\n'),
    ),
  },
  {
    name: 'vmdk with its descriptor elsewhere',
    says: /outside/,
    make: damaged('vmdk', (image) => image.writeBigUInt64LE(1n << 40n, 28)),
  },
  {
    name: 'vmdk of an exbibyte',
    says: /at most/,
    make: damaged('vmdk', (image) => image.writeBigUInt64LE(1n << 51n, 12)),
  },
  {
    name: 'vmdk descriptor alone',
    says: /descriptor without its data/,
    make: () => Buffer.from('# Disk DescriptorFile\nversion=1\nRW 1 FLAT "/etc/shadow" 0\n'),
  },
  {
    name: 'vdi over a parent',
    says: /another file/,
    make: damaged('vdi', (image) => image.writeUInt32LE(4, 0x4c)),
  },
  {
    name: 'vdi with four billion blocks',
    says: /outside of itself/,
    make: damaged('vdi', (image) => image.writeUInt32LE(0xffffffff, 0x180)),
  },
  {
    name: 'vdi of an exbibyte',
    says: /at most/,
    make: damaged('vdi', (image) => image.writeBigUInt64LE(1n << 60n, 0x170)),
  },
  {
    name: 'vdi with the parent of a snapshot',
    says: /cannot be read as vdi/,
    make: damaged('vdi', (image) => image.fill(0xaa, 0x1a8, 0x1c8)),
  },
  {
    name: 'vdi cut in its header',
    says: /cut short/,
    make: ({ vdi }) => vdi.subarray(0, 0x100),
  },
  {
    name: 'iso cut short',
    says: /cut short/,
    make: ({ iso }) => iso.subarray(0, 40_960),
  },
  {
    name: 'iso that is none',
    format: 'iso',
    says: /format says iso/,
    make: () => rawImage(),
  },
  {
    name: 'raw that says it is qcow2',
    format: 'qcow2',
    says: /format says qcow2/,
    make: () => rawImage(),
  },
  {
    name: 'qcow2 that says it is vmdk',
    format: 'vmdk',
    says: /the image is qcow2/,
    make: ({ qcow2 }) => qcow2,
  },
]
