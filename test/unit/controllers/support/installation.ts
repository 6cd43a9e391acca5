import type { KubeObject, Stored } from '../../../../crds/meta/object-meta.ts'
import type { Host } from '../../../../crds/v1alpha1/host.ts'
import type { VirtualMachine } from '../../../../crds/v1alpha1/virtual-machine.ts'
import {
  aHost,
  aHostCluster,
  anImage,
  aNetwork,
  aStorageDomain,
  aVirtualMachine,
  type Overrides,
} from '../../../support/builders.ts'

/** A ready host that has the storage domain and the network called `default`. */
export function anAttachedHost(name: string, overrides: Overrides<Host> = {}): Stored<Host> {
  const { metadata, spec, status } = overrides
  return aHost({
    ...overrides,
    metadata: { ...metadata, name },
    ...(spec && { spec }),
    status: {
      storageDomains: [{ name: 'default', ready: true, capacityBytes: 1e12, availableBytes: 9e11 }],
      networks: [{ name: 'default', ready: true, bridge: 'br-default' }],
      ...status,
    },
  })
}

/** One cluster, one host, one domain, one network, one image that is yet to be imported: all but a machine. */
export function anInstallation(): KubeObject[] {
  return [aHostCluster(), anAttachedHost('host-1'), aStorageDomain(), aNetwork(), anImage()]
}

/** One inline disk `root` from the image, one interface `eth0`. */
export function aMachineWithDisk(name: string, spec: Overrides<VirtualMachine['spec']> = {}): VirtualMachine {
  const { metadata, ...machine } = aVirtualMachine({
    metadata: { name },
    spec: {
      disks: [
        {
          name: 'root',
          bus: 'virtio',
          bootOrder: 1,
          template: {
            size: '20Gi',
            storageDomain: { name: 'default' },
            format: 'qcow2',
            provisioning: 'Thin',
            source: { image: { name: 'image-1' } },
          },
        },
      ],
      interfaces: [{ name: 'eth0', network: { name: 'default' }, model: 'virtio' }],
      ...spec,
    },
  })
  const { resourceVersion: _version, ...identity } = metadata
  return { ...machine, metadata: identity }
}
