import { execFile } from 'node:child_process'
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, test } from 'vitest'
import { buildGuestImage } from '../../scripts/guest-image/build.ts'
import { hardwareGuest } from '../../scripts/guest-image/recipe.ts'
import {
  aDisk,
  aMachine,
  anImage,
  conditionOf,
  isReady,
  type KubeObject,
  thePlatform,
} from '../support/kvorum-system-objects.ts'
import { until } from '../support/kvorum-system-until.ts'
import { useKvorum } from '../support/kvorum-system-use.ts'
import type { KvorumSystem } from '../support/kvorum-system.ts'

const guestCache = fileURLToPath(new URL('../../.cache/guest', import.meta.url))

let system: KvorumSystem
useKvorum((started) => (system = started))

const rootDisk = { template: { source: { image: { name: 'hardware' } } } }
const ethernet = { network: { name: 'narrow' } }

/** BIOS, and a device of every kind. */
const classic = aMachine('classic', {
  cpu: {
    sockets: 1,
    cores: 2,
    threads: 2,
    model: 'Nehalem',
    ioThreads: 2,
    features: [
      { name: 'aes', policy: 'Require' },
      { name: 'sse4.2', policy: 'Disable' },
    ],
  },
  memory: { size: '320Mi' },
  firmware: {
    bootMenuSeconds: 1,
    smbios: {
      manufacturer: 'Kvorum & <Sons>',
      product: 'Classic',
      version: '7',
      serial: 'SN-0815',
      sku: 'SKU-1',
      family: 'Machines',
      assetTag: 'TAG-42',
    },
  },
  disks: [
    { name: 'root', bootOrder: 1, ...rootDisk },
    { name: 'bulk', disk: { name: 'bulk' }, serial: 'BULK-1', discard: 'ignore', cache: 'writeback' },
    { name: 'fixed', bus: 'scsi', readOnly: true, disk: { name: 'fixed' }, onError: 'Report' },
    {
      name: 'old',
      bus: 'sata',
      disk: { name: 'old' },
      serial: 'OLD-1',
      limits: { readBytesPerSecond: 1 << 20 },
    },
    { name: 'media', bus: 'sata', type: 'CdRom', image: { name: 'media' } },
    { name: 'tray', bus: 'scsi', type: 'CdRom' },
  ],
  interfaces: [
    { name: 'eth0', ...ethernet, macAddress: '52:54:00:00:0a:01', queues: 2 },
    { name: 'eth1', ...ethernet, macAddress: '52:54:00:00:0a:02', model: 'e1000e', linkState: 'Down' },
    { name: 'eth2', ...ethernet, macAddress: '52:54:00:00:0a:03', model: 'e1000' },
    { name: 'eth3', ...ethernet, macAddress: '52:54:00:00:0a:04', model: 'rtl8139' },
  ],
  libvirtFragments: ['<input type="keyboard" bus="virtio"/>'],
  devices: { video: 'vga', sound: 'ich9', watchdog: { model: 'i6300esb', action: 'Reset' } },
})

/** UEFI that boots signed loaders only, a TPM, and as few other devices as can be. */
const secure = aMachine('secure', {
  cpu: { sockets: 2 },
  memory: { size: '512Mi' },
  firmware: { type: 'uefi', secureBoot: true },
  tpm: {},
  disks: [{ name: 'root', bootOrder: 1, bus: 'scsi', ...rootDisk }],
  devices: { video: 'virtio', sound: 'ac97', input: 'None', rng: 'None', balloon: 'None' },
})

// What its machine says while the cluster does not allow raw XML.
let refusal = ''
beforeAll(async () => {
  const image = await buildGuestImage(guestCache, () => {}, hardwareGuest)
  await copyFile(image, join(system.dataDir, 'import', 'hardware.qcow2'))
  await makeMedium(join(system.dataDir, 'import', 'media.iso'))
  await system.apply(
    ...thePlatform,
    anImage('hardware', { source: { file: { path: 'hardware.qcow2' } } }),
    anImage('media', { source: { file: { path: 'media.iso' } } }),
    {
      apiVersion: 'kvorum.dev/v1alpha1',
      kind: 'Network',
      metadata: { name: 'narrow' },
      spec: { type: 'nat', mtu: 1400, subnets: [{ cidr: '10.81.0.0/24' }] },
    },
    ...['bulk', 'fixed', 'old'].map((name) => aDisk(name, { size: '16Mi' })),
    classic,
    secure,
  )
  refusal = conditionOf(await system.waitFor('vm/classic', isForbidden), 'Ready').message
  const allowed = JSON.stringify({ spec: { libvirtFragments: 'Allowed' } })
  await system.kubectl('patch', 'hc/default', '--type=merge', '-p', allowed)
  await Promise.all(['vm/classic', 'vm/secure'].map(untilReady))
}, 400_000)

/** Firmware and a whole kernel take their time without KVM, on a machine that is busy: more than one wait's. */
function untilReady(target: string): Promise<KubeObject> {
  const wait = () => system.waitFor(target, isReady)
  return wait().catch(wait)
}

function isForbidden(machine: KubeObject): boolean {
  return conditionOf(machine, 'Ready').reason === 'FragmentsForbidden'
}

const pci = 'cat /sys/bus/pci/devices/*/class'
const block = (serial: string, path: string) =>
  `for d in /sys/block/*; do cat $d/serial $d/device/vpd_pg80 2>/dev/null | grep -aq ${serial} && cat $d/${path}; done`
/** How many of 4096 bytes of the disk are as they were written once they have been discarded. */
const afterDiscard = (serial: string) => `
  for d in /sys/block/*; do cat $d/serial $d/device/vpd_pg80 2>/dev/null | grep -aq ${serial} && disk=/dev/\${d##*/}; done
  yes | tr -d '\\n' | head -c 4096 | dd of=$disk bs=4096 conv=fsync
  blkdiscard $disk && echo 3 >/proc/sys/vm/drop_caches
  head -c 4096 $disk | tr -cd y | wc -c`
const card = (mac: string, path: string) =>
  `for n in /sys/class/net/e*; do grep -q ${mac} $n/address && ${path}; done`

const index = '01 50 00 01'
const owner = '40 00 00 01'
// By an empty password.
const authorization = '00 00 00 09 40 00 00 09 00 00 00 00 00'
// For eight bytes, that its owner reads and writes.
const defineIndex = `00 00 01 2a ${owner} ${authorization} 00 00 00 0e ${index} 00 0b 02 06 00 06 00 00 00 08`
const writeIndex = `00 00 01 37 ${owner} ${index} ${authorization} 00 08 4b 56 4f 52 55 4d 54 50 00 00`
const readIndex = `00 00 01 4e ${owner} ${index} ${authorization} 00 08 00 00`

/** Field, machine, what a shell inside the guest is asked, and what it has to answer. */
const table: readonly (readonly [field: string, machine: string, script: string, answer: RegExp])[] = [
  ['cpu.cores × cpu.threads', 'classic', 'grep -c ^processor /proc/cpuinfo', /^4$/],
  ['cpu.cores', 'classic', 'grep -m1 "cpu cores" /proc/cpuinfo', /: 2$/],
  ['cpu.threads', 'classic', 'grep -m1 siblings /proc/cpuinfo', /: 4$/],
  ['cpu.sockets', 'secure', 'grep "physical id" /proc/cpuinfo | sort -u | grep -c .', /^2$/],
  ['cpu.model', 'classic', 'grep -m1 "model name" /proc/cpuinfo', /Nehalem/],
  ['cpu.features, Require', 'classic', 'grep -m1 ^flags /proc/cpuinfo', / aes( |$)/],
  ['cpu.features, Disable', 'classic', 'grep -m1 ^flags /proc/cpuinfo', /^(?!.* sse4_2( |$))/],
  ['memory.size', 'classic', 'grep MemTotal /proc/meminfo', /: +(2[5-9]|30|31|32)\d{4} kB/],
  ['firmware.type bios', 'classic', 'test -d /sys/firmware/efi || echo bios', /^bios$/],
  ['firmware.type uefi', 'secure', 'test -d /sys/firmware/efi && echo uefi', /^uefi$/],
  [
    'firmware.bootMenuSeconds',
    'classic',
    'od -An -tu2 /sys/firmware/qemu_fw_cfg/by_name/etc/boot-menu-wait/raw',
    /^1000$/,
  ],
  ['firmware.smbios.manufacturer', 'classic', 'cat /sys/class/dmi/id/sys_vendor', /^Kvorum & <Sons>$/],
  ['firmware.smbios.product', 'classic', 'cat /sys/class/dmi/id/product_name', /^Classic$/],
  ['firmware.smbios.version', 'classic', 'cat /sys/class/dmi/id/product_version', /^7$/],
  ['firmware.smbios.serial', 'classic', 'cat /sys/class/dmi/id/product_serial', /^SN-0815$/],
  ['firmware.smbios.sku', 'classic', 'cat /sys/class/dmi/id/product_sku', /^SKU-1$/],
  ['firmware.smbios.family', 'classic', 'cat /sys/class/dmi/id/product_family', /^Machines$/],
  ['firmware.smbios.assetTag', 'classic', 'cat /sys/class/dmi/id/chassis_asset_tag', /^TAG-42$/],
  ['tpm', 'secure', 'cat /sys/class/tpm/tpm0/tpm_version_major', /^2$/],
  ['tpm, left out', 'classic', 'ls /sys/class/tpm', /^$/],
  ['disks.bus virtio', 'classic', 'ls /sys/block', /vda\n(.|\n)*vdb/],
  ['disks.bus scsi', 'secure', 'readlink /sys/block/sda', /virtio/],
  ['disks.bus sata', 'classic', block('OLD-1', 'device/vendor'), /^ATA/],
  ['disks.serial', 'classic', block('BULK-1', 'size'), /^32768$/],
  ['disks.name as serial', 'classic', 'cat /sys/block/vda/serial', /^root$/],
  ['disks.readOnly', 'classic', block('fixed', 'ro'), /^1$/],
  ['disks.discard unmap', 'classic', afterDiscard('OLD-1'), /^0$/],
  ['disks.discard ignore', 'classic', afterDiscard('BULK-1'), /^4096$/],
  ['disks.cache writeback', 'classic', block('BULK-1', 'queue/write_cache'), /^write back$/],
  [
    'disks.image of a CD-ROM',
    'classic',
    'mkdir -p /mnt; for d in /dev/sr*; do mount -t iso9660 -o ro $d /mnt && cat /mnt/note* && umount /mnt; done',
    /^on the disc$/,
  ],
  [
    'disks, an empty CD-ROM',
    'classic',
    'for d in /dev/sr*; do cat $d 2>&1 >/dev/null; done',
    /^[^\n]*No medium found$/,
  ],
  ['interfaces.macAddress', 'classic', card('52:54:00:00:0a:01', 'echo here'), /^here$/],
  ['interfaces.queues', 'classic', card('0a:01', 'ls -d $n/queues/rx-*'), /rx-1$/],
  ['interfaces, the MTU of their network', 'classic', card('0a:01', 'cat $n/mtu'), /^1400$/],
  ['interfaces.linkState Up', 'classic', card('0a:03', 'cat $n/carrier'), /^1$/],
  ['interfaces.linkState Down', 'classic', card('0a:02', 'cat $n/carrier'), /^0$/],
  ['interfaces.model virtio', 'classic', card('0a:01', 'readlink $n/device/driver'), /virtio_net$/],
  ['interfaces.model e1000e', 'classic', card('0a:02', 'readlink $n/device/driver'), /e1000e$/],
  ['interfaces.model e1000', 'classic', card('0a:03', 'readlink $n/device/driver'), /e1000$/],
  ['interfaces.model rtl8139', 'classic', card('0a:04', 'readlink $n/device/driver'), /8139cp$/],
  ['devices.video vga', 'classic', `${pci} | sort -u`, /^0x030000$/m],
  ['devices.video virtio', 'secure', 'cat /sys/bus/pci/devices/*/uevent', /PCI_ID=1AF4:1050/],
  ['devices.input Tablet', 'classic', 'cat /proc/bus/input/devices', /QEMU USB Tablet/],
  ['devices.input None', 'secure', 'ls /sys/bus/usb/devices', /^$/],
  ['devices.sound ich9', 'classic', 'cat /sys/bus/pci/devices/*/uevent', /PCI_ID=8086:293E/],
  ['devices.sound ac97', 'secure', 'cat /proc/asound/cards', /82801AA/],
  ['devices.rng Virtio', 'classic', 'cat /sys/class/misc/hw_random/rng_available', /virtio_rng/],
  ['devices.rng None', 'secure', 'cat /sys/class/misc/hw_random/rng_available', /^(?!.*virtio_rng)/],
  ['devices.balloon Virtio', 'classic', 'ls /sys/bus/virtio/drivers/virtio_balloon', /^virtio\d/m],
  ['devices.balloon None', 'secure', 'ls /sys/bus/virtio/drivers/virtio_balloon', /^(?!virtio\d)/m],
  ['devices.watchdog.model', 'classic', 'cat /sys/class/watchdog/watchdog0/identity', /i6300ESB/],
  ['devices.watchdog, left out', 'secure', 'cat /sys/class/watchdog/*/identity', /^(?!.*i6300ESB)/],
  ['libvirtFragments, once allowed', 'classic', 'cat /sys/bus/pci/devices/*/uevent', /PCI_ID=1AF4:1052/],
  ['the serial port', 'classic', 'cat /proc/tty/driver/serial', /0: uart:16550A/],
]

describe('the guest sees', () => {
  test.each(table)('%s (%s)', async (_field, machine, script, answer) => {
    const output = await system.inGuest(machine, '/bin/sh', '-c', `(${script}) 2>/dev/null || true`)
    expect(output.trim()).toMatch(answer)
  })

  test('the UUID of its machine', async () => {
    const { status } = await system.get('vm/classic')
    const seen = await system.inGuest('classic', '/bin/cat', '/sys/class/dmi/id/product_uuid')
    expect(seen.trim()).toBe(status?.uuid)
  })
})

test('libvirtFragments wait for a cluster that allows them', () => {
  expect(refusal).toBe('HostCluster default does not allow libvirtFragments')
})

describe('what shows only in use', () => {
  test('cpu.ioThreads: QEMU serves the virtio disks with as many threads', async () => {
    const threads = await system.virsh('iothreadinfo', 'default_classic')
    expect(threads.trim().split('\n')).toHaveLength(2)
  })

  test('disks.limits: 6 MiB at 1 MiB a second take seconds', async () => {
    const script = `
      for d in /sys/block/sd*; do [ "$(cat $d/device/vendor)" = "ATA     " ] && disk=/dev/\${d##*/}; done
      from=$(cut -d. -f1 /proc/uptime)
      dd if=$disk of=/dev/null bs=64k count=96 2>/dev/null
      echo $(($(cut -d. -f1 /proc/uptime) - from))`
    expect(Number(await system.inGuest('classic', '/bin/sh', '-c', script))).toBeGreaterThanOrEqual(4)
  })

  test('firmware.secureBoot: the firmware enforces signatures, and the kernel knows', async () => {
    const script = 'mount -t efivarfs efivarfs /sys/firmware/efi/efivars; od -An -tu1 $v/SecureBoot-*'
    const seen = await system.inGuest(
      'secure',
      '/bin/sh',
      '-c',
      `v=/sys/firmware/efi/efivars; ${script}; dmesg`,
    )
    expect(seen.trimStart()).toMatch(/^6 +0 +0 +0 +1$/m)
    expect(seen).toMatch(/[Ss]ecure ?boot enabled/)
  })

  test('devices.watchdog.action Reset: a guest that stops feeding it boots anew', async () => {
    const before = await system.bootIdOf('classic')
    await system.startInGuest(
      'classic',
      '/bin/sh',
      '-c',
      'watchdog -T 2 -t 1 /dev/watchdog0; sleep 1; killall -9 watchdog',
    )

    await until(
      async () => ((await soon(system.bootIdOf('classic'))) ?? before) !== before,
      'the watchdog to reset the guest',
    )
    expect((await system.get('vm/classic')).status?.restarts ?? 0).toBe(0)
  })
})

describe("what is the machine's for life", () => {
  const variable = '/sys/firmware/efi/efivars/Kvorum-5f0f2c5e-7d3b-4f3a-9f4b-0a1b2c3d4e5f'
  let uuid: string

  test('is there again after a stop and a start: a variable of the firmware, and what the TPM keeps', async () => {
    uuid = (await system.get('vm/secure')).status?.uuid ?? ''
    const write = `printf '\\007\\000\\000\\000kept' >${variable}`
    await inSecure(`${write}; ${tpmCommand(defineIndex)} ${tpmCommand(writeIndex)}`)
    await setPower('Stopped')
    await system.waitFor('vm/secure', ({ status }) => status?.phase === 'Stopped')
    expect(await system.virsh('list', '--all', '--name')).not.toContain('default_secure')

    await setPower('Running')
    await untilReady('vm/secure')
    const read = `mount -t efivarfs efivarfs /sys/firmware/efi/efivars; tail -c 4 ${variable}; echo`
    const seen = await inSecure(`${read}; ${tpmCommand(readIndex)} echo`)

    expect(seen).toMatch(/^kept$/m)
    expect(seen).toMatch(/KVORUMTP$/m)
  })

  test('goes with the machine', async () => {
    const places = [join(system.dataDir, 'node'), '/var/lib/libvirt']
    const kept = () => system.host.exec(['find', ...places, '-name', `*${uuid}*`])
    // Variables, the TPM's note beside the disk, and the TPM's state.
    expect((await kept()).stdout.trim().split('\n')).toHaveLength(3)

    await system.kubectl('delete', 'vm', 'secure', '--timeout=120s')
    await system.wait('delete', 'disk/secure-root')

    expect((await kept()).stdout).toBe('')
  })
})

function inSecure(script: string): Promise<string> {
  return system.inGuest('secure', '/bin/sh', '-c', script)
}

async function setPower(power: 'Running' | 'Stopped'): Promise<void> {
  await system.kubectl('patch', 'vm/secure', '--type=merge', '-p', JSON.stringify({ spec: { power } }))
}

/** Shell that sends a TPM 2.0 command with sessions (code and what follows), and prints eight bytes of the answer. */
function tpmCommand(body: string): string {
  const bytes = body.split(' ')
  const length = (bytes.length + 6).toString(16).padStart(4, '0')
  const whole = ['80', '02', '00', '00', length.slice(0, 2), length.slice(2), ...bytes]
  const text = whole.map((byte) => `\\${Number.parseInt(byte, 16).toString(8).padStart(3, '0')}`).join('')
  // The device wants a whole command in one write, and the answer read through the same opening.
  return `printf '${text}' >/tmp/command; exec 3<>/dev/tpm0; dd if=/tmp/command bs=4096 count=1 >&3; dd bs=4096 count=1 <&3 | head -c 24 | tail -c 8; exec 3>&-;`
}

/** A guest that is reset in the middle of an answer never gives it: whoever asked has to ask again. */
async function soon<T>(answer: Promise<T>): Promise<T | undefined> {
  answer.catch(() => {})
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<undefined>((resolve) => (timer = setTimeout(resolve, 10_000, undefined)))
  return Promise.race([answer, late]).finally(() => clearTimeout(timer))
}

/** A disc with one file. */
async function makeMedium(path: string): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'kvorum-disc-'))
  try {
    await writeFile(join(directory, 'note'), 'on the disc\n')
    await promisify(execFile)('genisoimage', ['-quiet', '-V', 'MEDIA', '-o', path, directory])
  } finally {
    await rm(directory, { recursive: true })
  }
}
