import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { devices } from '../../../../../crds/v1alpha1/hardware/devices.ts'
import { HypervisorError } from '../../../../../node-daemon/hypervisor/hypervisor.ts'
import { cpu, cpuTuning, numaTuning, vcpu } from '../../../../../node-daemon/hypervisor/libvirt/xml/cpu.ts'
import { disk } from '../../../../../node-daemon/hypervisor/libvirt/xml/disk.ts'
import { display } from '../../../../../node-daemon/hypervisor/libvirt/xml/display.ts'
import { type XmlElement, renderXml } from '../../../../../node-daemon/hypervisor/libvirt/xml/element.ts'
import { extraDevices } from '../../../../../node-daemon/hypervisor/libvirt/xml/extra-devices.ts'
import { features } from '../../../../../node-daemon/hypervisor/libvirt/xml/features.ts'
import { fragment } from '../../../../../node-daemon/hypervisor/libvirt/xml/fragments.ts'
import { networkInterface } from '../../../../../node-daemon/hypervisor/libvirt/xml/interface.ts'
import { memoryBalloon } from '../../../../../node-daemon/hypervisor/libvirt/xml/memory.ts'
import { operatingSystem, systemInformation } from '../../../../../node-daemon/hypervisor/libvirt/xml/os.ts'
import { aCpu, aDomainDisk, aDomainInterface, aFirmware } from '../../../../support/domain-spec.ts'

/** One line, so that an expectation reads as the XML does. */
const flat = (node: XmlElement | undefined) =>
  node === undefined ? undefined : renderXml(node).replaceAll(/>\s+</g, '><')

describe('processor', () => {
  test('that can grow starts with the sockets that it has', () => {
    expect(flat(vcpu(aCpu({ sockets: 2, cores: 2, maxSockets: 4 })))).toBe(
      '<vcpu placement="static" current="4">8</vcpu>',
    )
  })

  test.each([
    { model: 'auto', accelerator: 'KVM', start: '<cpu mode="host-model" check="partial">' },
    { model: 'auto', accelerator: 'TCG', start: '<cpu mode="maximum" check="none" migratable="on">' },
    { model: 'host-passthrough', accelerator: 'KVM', start: '<cpu mode="host-passthrough"' },
    {
      model: 'Nehalem',
      accelerator: 'KVM',
      start: '<cpu mode="custom" match="exact" check="full"><model fallback="forbid">Nehalem</model>',
    },
  ] as const)('$model under $accelerator', ({ model, accelerator, start }) => {
    expect(flat(cpu(aCpu({ model }), accelerator))?.startsWith(start)).toBe(true)
  })

  test('has the features that are asked for, which beat those that are left out by default', () => {
    const features = [
      { name: 'la57', policy: 'Require' },
      { name: 'avx2', policy: 'Disable' },
    ] as const
    const xml = flat(cpu(aCpu({ features: [...features] }), 'TCG'))
    expect(xml).toContain('<feature policy="require" name="la57"/><feature policy="disable" name="avx2"/>')
    expect(xml).not.toContain('<feature policy="disable" name="la57"/>')
  })

  test('has NUMA cells with memory of its own, bound to nodes of the host', () => {
    const spec = aCpu({
      sockets: 2,
      numaCells: [
        { id: 0, cpus: '0', memory: '1Gi', hostNodes: '0' },
        { id: 1, cpus: '1', memory: 1025 },
      ],
    })
    expect(flat(cpu(spec, 'TCG'))).toContain(
      '<numa><cell id="0" cpus="0" memory="1048576" unit="KiB"/><cell id="1" cpus="1" memory="2" unit="KiB"/></numa>',
    )
    expect(flat(numaTuning(spec))).toBe(
      '<numatune><memnode cellid="0" mode="strict" nodeset="0"/></numatune>',
    )
    expect(numaTuning(aCpu())).toBeUndefined()
  })

  test('runs where it is pinned', () => {
    expect(cpuTuning(aCpu())).toBeUndefined()
    expect(flat(cpuTuning(aCpu({ pinning: [{ vcpu: 0, cpus: '0-1' }], emulatorCpus: '1' })))).toBe(
      '<cputune><vcpupin vcpu="0" cpuset="0-1"/><emulatorpin cpuset="1"/></cputune>',
    )
  })
})

describe('firmware', () => {
  test('with secure boot has enrolled keys and guards its variables', () => {
    const firmware = aFirmware({ type: 'uefi', secureBoot: true })
    expect(flat(operatingSystem(firmware))).toContain(
      '<feature enabled="yes" name="enrolled-keys"/><feature enabled="yes" name="secure-boot"/>',
    )
    expect(flat(features(firmware))).toContain('<smm state="on"/>')
    expect(flat(features(aFirmware()))).not.toContain('smm')
  })

  test('shows a boot menu for as long as it is asked to', () => {
    expect(flat(operatingSystem(aFirmware({ bootMenuSeconds: 3 })))).toContain(
      '<bootmenu enable="yes" timeout="3000"/>',
    )
  })

  test('tells what it is told of the system', () => {
    const firmware = aFirmware({ smbios: { manufacturer: 'A & B', serial: '', assetTag: 'rack 4' } })
    expect(flat(operatingSystem(firmware))).toContain('<smbios mode="sysinfo"/>')
    expect(flat(systemInformation(firmware))).toBe(
      '<sysinfo type="smbios"><system><entry name="manufacturer">A &amp; B</entry></system>' +
        '<chassis><entry name="asset">rack 4</entry></chassis></sysinfo>',
    )
  })
})

describe('disks', () => {
  const root = aDomainDisk({ name: 'root', path: '/d' })
  const placed = { target: 'vda', cache: 'none' } as const

  test('that are CD-ROM drives may be empty and cannot be written', () => {
    const xml = flat(disk({ ...root, type: 'CdRom', bus: 'sata', path: undefined }, placed))
    expect(xml).toContain('device="cdrom"')
    expect(xml).toContain('<readonly/>')
    expect(xml).not.toContain('<source')
  })

  test('have the limits that are set; zero is none', () => {
    const limits = { totalIops: 100, readBytesPerSecond: 0, writeBytesPerSecond: 4096 }
    expect(flat(disk({ ...root, limits }, placed))).toContain(
      '<iotune><write_bytes_sec>4096</write_bytes_sec><total_iops_sec>100</total_iops_sec></iotune>',
    )
  })

  test('say what happens when the storage fails, keep discards and show their serial number', () => {
    const xml = flat(disk({ ...root, onError: 'Report', discard: 'ignore', serial: 'S-1' }, placed))
    expect(xml).toContain('error_policy="report"')
    expect(xml).toContain('discard="ignore"')
    expect(xml).toContain('<serial>S-1</serial>')
  })
})

describe('network cards', () => {
  const card = aDomainInterface({ name: 'eth0', bridge: 'br0', macAddress: '52:54:00:00:00:01' })

  test('may be unplugged, limited, booted from and have several queues', () => {
    const xml = flat(
      networkInterface({
        ...card,
        linkState: 'Down',
        queues: 4,
        bootOrder: 2,
        inbound: { averageKiB: 100, burstKiB: 50 },
        outbound: { peakKiB: 200 },
      }),
    )
    expect(xml).toContain('<driver queues="4"/>')
    expect(xml).toContain(
      '<bandwidth><inbound average="100" burst="50"/><outbound average="200" peak="200"/></bandwidth>',
    )
    expect(xml).toContain('<link state="down"/>')
    expect(xml).toContain('<boot order="2"/>')
  })
})

describe('other devices', () => {
  test('a machine without a graphics card has neither display nor pointer', () => {
    expect(display(devices.parse({ video: 'none' })).map(flat)).toEqual([
      '<video><model type="none"/></video>',
    ])
    expect(display(devices.parse({})).map(flat)).toEqual([
      '<graphics type="vnc"><listen type="socket"/></graphics>',
      '<video><model type="vga"/></video>',
      '<input type="tablet" bus="usb"/>',
    ])
  })

  test('watchdog, sound and TPM are there when asked for', () => {
    expect(extraDevices(devices.parse({}), undefined)).toEqual([])
    const given = devices.parse({ watchdog: { action: 'PowerOff' }, sound: 'ich9' })
    expect(extraDevices(given, { model: 'tpm-tis', kept: true }).map(flat)).toEqual([
      '<watchdog model="i6300esb" action="poweroff"/>',
      '<sound model="ich9"/>',
      '<tpm model="tpm-tis"><backend type="emulator" version="2.0" persistent_state="yes"/></tpm>',
    ])
    const passing = extraDevices(devices.parse({}), { model: 'tpm-crb', kept: false })
    expect(passing.map(flat)).toEqual(['<tpm model="tpm-crb"><backend type="emulator" version="2.0"/></tpm>'])
  })

  test('no balloon is said aloud, for libvirt adds one otherwise', () => {
    expect(flat(memoryBalloon('None'))).toBe('<memballoon model="none"/>')
  })
})

/** What becomes of a fragment: XML again, or the code of the refusal. */
function outcomeOf(xml: string): string {
  try {
    return renderXml(fragment(xml)).trim()
  } catch (error) {
    return error instanceof HypervisorError ? error.code : String(error)
  }
}

describe('fragments', () => {
  test('are read and written again, escaped as ours', () => {
    expect(flat(fragment("<hub type='usb'><alias name='a &lt; b'/></hub>"))).toBe(
      '<hub type="usb"><alias name="a &lt; b"/></hub>',
    )
  })

  test.each(['', 'text', '<a/><b/>', '<a', '<a></b>', '<!DOCTYPE x><a/>', '<a/>text'])(
    '%j is refused',
    (xml) => {
      expect(() => fragment(xml)).toThrow(expect.objectContaining({ code: 'invalid' }))
    },
  )

  test('never make anything but one element, whatever is written', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme-ascii', maxLength: 60 }), (text) => {
        expect(outcomeOf(`<x>${text}</x>`)).toMatch(/^(<x[\s>/]|invalid$)/)
      }),
    )
  })
})
