import { setCondition } from '../../apimachinery/conditions.ts'
import type { Stored } from '../../crds/meta/object-meta.ts'
import type { Host } from '../../crds/v1alpha1/host.ts'
import { type Image, ImageReady, type ImageReason } from '../../crds/v1alpha1/image.ts'
import type { StorageDomain } from '../../crds/v1alpha1/storage-domain.ts'
import { isBeingDeleted } from '../finalizers.ts'
import { byName, storageOn, usability } from '../hosts.ts'
import { proceed, type ReconcileContext, type Step } from '../runtime/reconciler.ts'

export interface ChooseImporterDeps {
  readonly getStorageDomain: (name: string) => StorageDomain | undefined
  readonly getHost: (name: string) => Host | undefined
  readonly listHosts: () => readonly Stored<Host>[]
}

/** Chooses the host that imports the image, once: another only when that one left before it was done. */
export function chooseImporter(deps: ChooseImporterDeps): Step<Image> {
  return (ctx, image) => {
    const status = (image.status ??= {})
    const isDone = status.phase === 'Ready' || status.phase === 'Failed'
    const importerIsThere = status.hostName !== undefined && deps.getHost(status.hostName) !== undefined
    if (isDone || importerIsThere) return Promise.resolve(proceed)

    const domain = image.spec.storageDomain.name
    delete status.hostName
    delete status.progress
    status.phase = 'Pending'
    if (deps.getStorageDomain(domain) === undefined) {
      say(ctx, image, 'StorageDomainNotFound', `StorageDomain ${domain} does not exist`)
      return Promise.resolve(proceed)
    }
    const host = roomiest(deps.listHosts(), domain)
    if (host === undefined) {
      say(ctx, image, 'WaitingForHost', `No ready host has storage domain ${domain} attached`)
      return Promise.resolve(proceed)
    }
    status.hostName = host.metadata.name
    ctx.log.info('Assigning host', { host: status.hostName })
    say(ctx, image, 'WaitingForHost', `Waits for ${status.hostName} to begin the import`)
    return Promise.resolve(proceed)
  }
}

function roomiest(hosts: readonly Stored<Host>[], domain: string): Stored<Host> | undefined {
  let best: { host: Stored<Host>; availableBytes: number } | undefined
  for (const host of byName(hosts)) {
    const attachment = storageOn(host, domain)
    if (attachment === undefined || !usability(host, attachment).ready || isBeingDeleted(host)) continue
    const { availableBytes = 0 } = attachment
    if (best === undefined || availableBytes > best.availableBytes) best = { host, availableBytes }
  }
  return best?.host
}

function say(
  ctx: ReconcileContext,
  image: Stored<Image>,
  reason: keyof typeof ImageReason,
  message: string,
): void {
  setCondition(image, ctx.clock, { type: ImageReady, status: 'False', reason, message })
}
