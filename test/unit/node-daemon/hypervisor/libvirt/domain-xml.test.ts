import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { DomainDisk, DomainSpec } from '../../../../../node-daemon/hypervisor/domain-spec.ts'
import { domain } from '../../../../../node-daemon/hypervisor/libvirt/xml/domain.ts'
import { renderXml } from '../../../../../node-daemon/hypervisor/libvirt/xml/element.ts'
import { parseOwner } from '../../../../../node-daemon/hypervisor/libvirt/xml/metadata.ts'
import { ownerMetadata } from '../../../../../node-daemon/hypervisor/libvirt/xml/metadata.ts'
import { diskTargets } from '../../../../../node-daemon/hypervisor/libvirt/xml/disk.ts'
import {
  aCpu,
  aDomainDisk,
  aDomainInterface,
  aFirmware,
  aDomainSpec,
} from '../../../../support/domain-spec.ts'

const small: DomainSpec = aDomainSpec({
  owner: { namespace: 'default', name: 'hello', uid: '5b1f4c66-3a39-4f4e-9f5e-6f2f1d6f7a10' },
  uuid: '0a4b1c9e-7c1f-4a8e-9a2d-000000000001',
  name: 'default_hello',
  cpu: aCpu({ sockets: 1, cores: 2, threads: 1 }),
  memory: { bytes: 256 * 1024 ** 2 },
  firmware: aFirmware({ type: 'bios' }),
  disks: [
    aDomainDisk({ name: 'root', path: '/disks/root.qcow2', format: 'qcow2', bus: 'virtio', bootOrder: 1 }),
  ],
  interfaces: [
    aDomainInterface({
      name: 'main',
      bridge: 'kv-0011223344',
      model: 'virtio',
      macAddress: '52:54:00:00:00:01',
    }),
  ],
})

const large: DomainSpec = {
  ...small,
  cpu: aCpu({ sockets: 2, cores: 4, threads: 2 }),
  memory: { bytes: 8 * 1024 ** 3 + 1 },
  firmware: aFirmware({ type: 'uefi' }),
  disks: [
    aDomainDisk({ name: 'root', path: '/disks/a & b <"c">.raw', format: 'raw', bus: 'virtio', bootOrder: 2 }),
    aDomainDisk({
      name: 'a-name-longer-than-twenty-characters',
      path: '/disks/data.qcow2',
      format: 'qcow2',
      bus: 'scsi',
    }),
    aDomainDisk({ name: 'old', path: '/disks/old.qcow2', format: 'qcow2', bus: 'sata', bootOrder: 1 }),
  ],
  interfaces: [
    aDomainInterface({
      name: 'main',
      bridge: 'br0',
      model: 'virtio',
      macAddress: '52:54:00:00:00:01',
      mtu: 9000,
    }),
    aDomainInterface({ name: 'second', bridge: 'br1', model: 'e1000e', macAddress: '52:54:00:00:00:02' }),
  ],
}

const none: DomainSpec = { ...small, disks: [], interfaces: [] }

describe('the whole domain', () => {
  test.each([
    { file: 'small-tcg.xml', spec: small, accelerator: 'TCG' },
    { file: 'large-uefi-kvm.xml', spec: large, accelerator: 'KVM' },
    { file: 'no-devices.xml', spec: none, accelerator: 'TCG' },
  ] as const)('is what $file says', async ({ file, spec, accelerator }) => {
    const diskCache = (path: string) => (path.endsWith('old.qcow2') ? 'writeback' : 'none')
    const xml = renderXml(domain(spec, { accelerator, diskCache }))
    await expect(`${xml}\n`).toMatchFileSnapshot(`testdata/${file}`)
  })
})

describe('diskTargets', () => {
  const disks = (...buses: DomainDisk['bus'][]) =>
    buses.map((bus, index) => aDomainDisk({ name: `d${index}`, path: '/d', format: 'raw', bus }))

  test('counts paravirtual and other disks apart', () => {
    expect(diskTargets(disks('virtio', 'scsi', 'virtio', 'sata'))).toEqual(['vda', 'sda', 'vdb', 'sdb'])
  })

  test('goes on with two letters after z', () => {
    const targets = diskTargets(disks(...Array.from({ length: 53 }, () => 'virtio' as const)))
    expect([targets[25], targets[26], targets[51], targets[52]]).toEqual(['vdz', 'vdaa', 'vdaz', 'vdba'])
  })
})

describe('values from users', () => {
  test('with characters that XML cannot carry are refused', () => {
    const spec = { ...small, name: 'bad\u0001' }
    const render = () => renderXml(domain(spec, { accelerator: 'TCG', diskCache: () => 'none' }))
    expect(render).toThrow(expect.objectContaining({ code: 'invalid' }))
  })

  test('come back from the metadata as they went in', () => {
    const value = fc.string({ minLength: 1, maxLength: 60, unit: 'grapheme' }).filter(
      // What XML cannot carry is refused (above); line breaks and tabs in attributes become spaces by its rules.
      (text) => !/[\p{Cc}\p{Cs}\uFFFE\uFFFF]/u.test(text) && text.trim() === text,
    )
    fc.assert(
      fc.property(value, value, value, (namespace, name, uid) => {
        const xml = renderXml(ownerMetadata({ namespace, name, uid }))
        const inner = /<kvorum:owner.*\/>/su.exec(xml)?.[0] ?? ''
        expect(parseOwner(inner)).toEqual({ namespace, name, uid })
      }),
    )
  })
})
