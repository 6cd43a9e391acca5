import type { Stored } from '../../crds/meta/object-meta.ts'
import type { Memory } from '../../crds/v1alpha1/hardware/memory.ts'
import type { VirtualMachineInstance } from '../../crds/v1alpha1/virtual-machine-instance.ts'
import { nvramPathOf } from '../devices/machine-state.ts'
import type {
  DomainDisk,
  DomainInterface,
  DomainMemory,
  DomainOwner,
  DomainSpec,
} from '../hypervisor/domain-spec.ts'
import { HypervisorError } from '../hypervisor/hypervisor.ts'
import { bytesOf } from '../quantity-bytes.ts'
import type { DiskNeed, NetworkNeed } from './situation.ts'

/** The domain of a run whose disks and networks are ready. Throws an `invalid` HypervisorError when one is not. */
export function domainSpecOf(
  run: Stored<VirtualMachineInstance>,
  disks: readonly DiskNeed[],
  networks: readonly NetworkNeed[],
): DomainSpec {
  const { spec } = run
  const owner = ownerOf(run)
  return {
    owner,
    uuid: spec.uuid,
    name: `${owner.namespace}_${owner.name}`,
    cpu: spec.cpu,
    memory: memoryOf(spec.memory),
    firmware: spec.firmware,
    ...(spec.tpm !== undefined && { tpm: spec.tpm }),
    ...nvramOf(run, disks),
    devices: spec.devices,
    ...(spec.libvirtFragments !== undefined && { libvirtFragments: spec.libvirtFragments }),
    disks: spec.disks.map((disk): DomainDisk => {
      const { disk: _disk, image: _image, ...device } = disk
      return { ...device, ...medium(disks, disk.name) }
    }),
    interfaces: spec.interfaces.map((nic): DomainInterface => {
      const { network: _network, ipAddress: _address, ...card } = nic
      const { bridge, mtu } = ready(networks, nic.name)
      return { ...card, bridge, ...(mtu !== undefined && { mtu }) }
    }),
  }
}

function nvramOf(
  run: Stored<VirtualMachineInstance>,
  disks: readonly DiskNeed[],
): Pick<DomainSpec, 'nvramPath'> {
  const path = statePathOf(run, disks)
  if (path === undefined) return {}
  const { uuid, firmware } = run.spec
  return { nvramPath: nvramPathOf(path, { uuid, secureBoot: firmware.secureBoot }) }
}

/** The file of the first disk, beside which a machine keeps what is its own for life; one without disks keeps nothing. */
export function statePathOf(
  { spec }: Stored<VirtualMachineInstance>,
  disks: readonly DiskNeed[],
): string | undefined {
  const first = spec.disks.find(({ type }) => type === 'Disk')
  const need = disks.find(({ name }) => name === first?.name)
  return need?.state === 'ready' ? need.path : undefined
}

function memoryOf({ size, maxSize, guaranteed, hugePages }: Memory): DomainMemory {
  return {
    bytes: bytesOf(size),
    ...(maxSize !== undefined && { maxBytes: bytesOf(maxSize) }),
    ...(guaranteed !== undefined && { guaranteedBytes: bytesOf(guaranteed) }),
    ...(hugePages !== undefined && { hugePages }),
  }
}

/** The file behind a disk; none in an empty CD-ROM drive. */
function medium(disks: readonly DiskNeed[], name: string): Pick<DomainDisk, 'path' | 'format'> {
  if (disks.find((need) => need.name === name)?.state === 'empty') return { path: undefined, format: 'raw' }
  const { path, format } = ready(disks, name)
  return { path, format }
}

export function ownerOf({ metadata }: Stored<VirtualMachineInstance>): DomainOwner {
  return { namespace: metadata.namespace ?? '', name: metadata.name, uid: metadata.uid }
}

function ready<T extends DiskNeed | NetworkNeed>(
  needs: readonly T[],
  name: string,
): Extract<T, { state: 'ready' }> {
  const need = needs.find((one) => one.name === name)
  if (need?.state !== 'ready') throw new HypervisorError('invalid', `${name} is not ready`)
  return need as Extract<T, { state: 'ready' }>
}
