import { describe, expect, test } from 'vitest'
import { devices } from '../../../../../crds/v1alpha1/hardware/devices.ts'
import type { DomainDisk } from '../../../../../node-daemon/hypervisor/domain-spec.ts'
import {
  agentChannel,
  console,
  serialPort,
} from '../../../../../node-daemon/hypervisor/libvirt/xml/console.ts'
import { controllers } from '../../../../../node-daemon/hypervisor/libvirt/xml/controllers.ts'
import { cpu, vcpu } from '../../../../../node-daemon/hypervisor/libvirt/xml/cpu.ts'
import { disk } from '../../../../../node-daemon/hypervisor/libvirt/xml/disk.ts'
import type { XmlElement } from '../../../../../node-daemon/hypervisor/libvirt/xml/element.ts'
import { element, renderXml } from '../../../../../node-daemon/hypervisor/libvirt/xml/element.ts'
import { clock, features, lifecycle } from '../../../../../node-daemon/hypervisor/libvirt/xml/features.ts'
import { networkInterface } from '../../../../../node-daemon/hypervisor/libvirt/xml/interface.ts'
import { memory, memoryBalloon } from '../../../../../node-daemon/hypervisor/libvirt/xml/memory.ts'
import { operatingSystem } from '../../../../../node-daemon/hypervisor/libvirt/xml/os.ts'
import { panicNotifier } from '../../../../../node-daemon/hypervisor/libvirt/xml/panic.ts'
import { randomNumbers } from '../../../../../node-daemon/hypervisor/libvirt/xml/rng.ts'
import { aCpu, aDomainDisk, aDomainInterface, aFirmware } from '../../../../support/domain-spec.ts'

/** One line, so that an expectation reads as the XML does. */
const flat = (node: XmlElement) => renderXml(node).replaceAll(/>\s+</g, '><')

const rootDisk: DomainDisk = aDomainDisk({
  name: 'root',
  path: '/disks/root.qcow2',
  format: 'qcow2',
  bus: 'virtio',
})
const topology = aCpu({ sockets: 2, cores: 3, threads: 2 })

describe('element', () => {
  test('leaves out what is undefined and escapes the rest', () => {
    const node = element('a', { b: undefined, c: '<"&>', d: 1 }, [undefined, element('e', {}, ['x < y'])])
    expect(flat(node)).toBe('<a c="&lt;&quot;&amp;&gt;" d="1"><e>x &lt; y</e></a>')
  })
})

describe('disk', () => {
  test('without direct I/O goes through the page cache and threads', () => {
    const xml = flat(disk(rootDisk, { target: 'vda', cache: 'writeback' }))
    expect(xml).toContain('cache="writeback" io="threads"')
  })

  test('leaves a serial number out that QEMU would cut', () => {
    const xml = flat(disk({ ...rootDisk, name: 'x'.repeat(21) }, { target: 'vda', cache: 'none' }))
    expect(xml).not.toContain('<serial>')
    expect(flat(disk({ ...rootDisk, name: 'x'.repeat(20) }, { target: 'vda', cache: 'none' }))).toContain(
      `<serial>${'x'.repeat(20)}</serial>`,
    )
  })

  test('is booted from only when it has a place in the boot order', () => {
    expect(flat(disk(rootDisk, { target: 'vda', cache: 'none' }))).not.toContain('<boot')
    expect(flat(disk({ ...rootDisk, bootOrder: 3 }, { target: 'vda', cache: 'none' }))).toContain(
      '<boot order="3"/>',
    )
  })

  test('that is emulated gets no thread of its own', () => {
    expect(flat(disk({ ...rootDisk, bus: 'sata' }, { target: 'sda', cache: 'none' }))).not.toContain(
      'iothread',
    )
  })
})

describe('controllers', () => {
  const noDisplay = devices.parse({ video: 'none' })
  const made = (disks: readonly DomainDisk[], given = noDisplay) =>
    controllers({ disks, interfaces: [], devices: given }).map(flat)

  test('add SCSI only for disks that need it', () => {
    const scsi = '<controller type="scsi" index="0" model="virtio-scsi"><driver iothread="1"/></controller>'
    expect(made([rootDisk])).not.toContain(scsi)
    expect(made([{ ...rootDisk, bus: 'scsi' }])).toContain(scsi)
  })

  test('add USB only for what sits on it', () => {
    expect(made([])).toContain('<controller type="usb" model="none"/>')
    expect(made([], devices.parse({}))).toContain('<controller type="usb" model="qemu-xhci"/>')
  })

  test('leave free ports for what is plugged in later', () => {
    const ports = (disks: readonly DomainDisk[]) =>
      made(disks).filter((xml) => xml.includes('pcie-root-port'))
    expect(ports([rootDisk]).length).toBe(ports([]).length + 1)
    expect(ports([]).length).toBeGreaterThan(0)
  })
})

describe('networkInterface', () => {
  const card = aDomainInterface({
    name: 'main',
    bridge: 'br0',
    model: 'virtio',
    macAddress: '52:54:00:00:00:01',
  })

  test('is a card on a bridge', () => {
    expect(flat(networkInterface(card))).toBe(
      '<interface type="bridge"><mac address="52:54:00:00:00:01"/><source bridge="br0"/><model type="virtio"/>' +
        '<alias name="ua-nic-main"/></interface>',
    )
  })

  test('has the MTU of its network', () => {
    expect(flat(networkInterface({ ...card, mtu: 9000 }))).toContain('<mtu size="9000"/>')
  })
})

describe('cpu', () => {
  test('counts all threads of all cores of all sockets', () => {
    expect(flat(vcpu(topology))).toBe('<vcpu placement="static">12</vcpu>')
  })

  test('is the host model under KVM and everything emulated without', () => {
    expect(cpu(topology, 'KVM').attributes).toEqual({ mode: 'host-model', check: 'partial' })
    expect(cpu(topology, 'TCG').attributes).toMatchObject({ mode: 'maximum' })
  })
})

describe('memory', () => {
  test.each([
    { bytes: 1024, kib: 1 },
    { bytes: 1025, kib: 2 },
    { bytes: 2 ** 40, kib: 2 ** 30 },
  ])('of $bytes bytes is $kib KiB', ({ bytes, kib }) => {
    expect(memory({ bytes }).map(flat)).toEqual([`<memory unit="KiB">${kib}</memory>`])
  })

  test('that can grow is started with all of it, and given less', () => {
    expect(memory({ bytes: 1024, maxBytes: 4096 }).map(flat)).toEqual([
      '<memory unit="KiB">4</memory>',
      '<currentMemory unit="KiB">1</currentMemory>',
    ])
  })

  test('comes from huge pages of the size asked for', () => {
    expect(memory({ bytes: 1024, hugePages: '1Gi' }).map(flat)).toContain(
      '<memoryBacking><hugepages><page size="1048576" unit="KiB"/></hugepages></memoryBacking>',
    )
  })
})

describe('the rest of the machine', () => {
  test.each([
    {
      name: 'BIOS machine',
      node: operatingSystem(aFirmware()),
      xml: '<os><type arch="x86_64" machine="q35">hvm</type></os>',
    },
    {
      name: 'UEFI machine',
      node: operatingSystem(aFirmware({ type: 'uefi' })),
      xml:
        '<os firmware="efi"><type arch="x86_64" machine="q35">hvm</type><firmware>' +
        '<feature enabled="no" name="enrolled-keys"/><feature enabled="no" name="secure-boot"/></firmware></os>',
    },
    {
      name: 'features',
      node: features(aFirmware()),
      xml: '<features><acpi/><apic/><vmport state="off"/></features>',
    },
    {
      name: 'clock',
      node: clock(),
      xml:
        '<clock offset="utc"><timer name="rtc" tickpolicy="catchup"/><timer name="pit" tickpolicy="delay"/>' +
        '<timer name="hpet" present="no"/></clock>',
    },
    {
      name: 'serial port',
      node: serialPort(),
      xml: '<serial type="pty"><target type="isa-serial" port="0"><model name="isa-serial"/></target></serial>',
    },
    {
      name: 'console',
      node: console(),
      xml: '<console type="pty"><target type="serial" port="0"/></console>',
    },
    {
      name: 'agent channel',
      node: agentChannel(),
      xml: '<channel type="unix"><target type="virtio" name="org.qemu.guest_agent.0"/></channel>',
    },
    {
      name: 'balloon',
      node: memoryBalloon('Virtio'),
      xml: '<memballoon model="virtio"><stats period="10"/></memballoon>',
    },
    {
      name: 'random numbers',
      node: randomNumbers(),
      xml: '<rng model="virtio"><backend model="random">/dev/urandom</backend></rng>',
    },
    { name: 'panic notifier', node: panicNotifier(), xml: '<panic model="isa"/>' },
  ])('$name', ({ node, xml }) => {
    expect(flat(node)).toBe(xml)
  })

  test('a reboot stays within the run and a crash ends it', () => {
    expect(lifecycle().map(flat)).toEqual([
      '<on_poweroff>destroy</on_poweroff>',
      '<on_reboot>restart</on_reboot>',
      '<on_crash>destroy</on_crash>',
    ])
  })
})
