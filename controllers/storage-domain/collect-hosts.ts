import { setCondition } from '../../apimachinery/conditions.ts'
import { quantityToBytes } from '../../apimachinery/quantity.ts'
import type { Stored } from '../../crds/meta/object-meta.ts'
import type { Disk } from '../../crds/v1alpha1/disk.ts'
import type { Host } from '../../crds/v1alpha1/host.ts'
import { type StorageDomain, StorageDomainReady } from '../../crds/v1alpha1/storage-domain.ts'
import { readinessOf } from '../attachments.ts'
import { byName, storageOn, usability } from '../hosts.ts'
import { proceed, type Step } from '../runtime/reconciler.ts'

export interface CollectHostsDeps {
  readonly listHosts: () => readonly Stored<Host>[]
  readonly disksIn: (domain: string) => readonly Stored<Disk>[]
}

type DomainHost = NonNullable<NonNullable<StorageDomain['status']>['hosts']>[number]

/** Gathers what each host says about the domain, and adds it up. Owns the condition Ready. */
export function collectHosts({ listHosts, disksIn }: CollectHostsDeps): Step<StorageDomain> {
  return (ctx, domain) => {
    const { name } = domain.metadata
    const hosts = byName(listHosts()).flatMap((host): DomainHost[] => {
      const attachment = storageOn(host, name)
      if (attachment === undefined) return []
      const { capacityBytes, availableBytes } = attachment
      return [
        {
          name: host.metadata.name,
          ...usability(host, attachment),
          ...(capacityBytes !== undefined && { capacityBytes }),
          ...(availableBytes !== undefined && { availableBytes }),
        },
      ]
    })
    const usable = hosts.filter(({ ready }) => ready)
    domain.status = {
      ...domain.status,
      hosts,
      capacityBytes: usable.reduce((sum, { capacityBytes = 0 }) => sum + capacityBytes, 0),
      availableBytes: usable.reduce((sum, { availableBytes = 0 }) => sum + availableBytes, 0),
      provisionedBytes: disksIn(name).reduce((sum, disk) => sum + provisionedBytes(disk), 0),
    }
    const reasons = { usable: 'Attached', unusable: 'AttachFailed', none: 'NoHosts' }
    setCondition(domain, ctx.clock, { type: StorageDomainReady, ...readinessOf(hosts, reasons) })
    return Promise.resolve(proceed)
  }
}

/** What the disk may grow to: its size, as it is or as it is asked for. */
function provisionedBytes({ spec: { size }, status }: Disk): number {
  const asked = size === undefined ? 0 : Number(quantityToBytes(String(size)))
  return Math.max(asked, status?.capacityBytes ?? 0)
}
