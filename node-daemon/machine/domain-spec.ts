import { quantityToBytes } from '../../apimachinery/quantity.ts'
import type { Stored } from '../../crds/meta/object-meta.ts'
import type { VirtualMachineInstance } from '../../crds/v1alpha1/virtual-machine-instance.ts'
import {
  type DomainDisk,
  type DomainInterface,
  type DomainOwner,
  type DomainSpec,
  HypervisorError,
} from '../hypervisor/hypervisor.ts'
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
    memoryBytes: Number(quantityToBytes(String(spec.memory.size))),
    firmware: spec.firmware.type,
    disks: spec.disks.flatMap(({ name, bus, bootOrder }): DomainDisk[] => {
      if (disks.find((need) => need.name === name)?.state === 'empty') return []
      const { path, format } = ready(disks, name)
      return [{ name, path, format, bus, ...(bootOrder !== undefined && { bootOrder }) }]
    }),
    interfaces: spec.interfaces.map(({ name, model, macAddress }): DomainInterface => {
      const { bridge, mtu } = ready(networks, name)
      return { name, bridge, model, macAddress, ...(mtu !== undefined && { mtu }) }
    }),
  }
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
