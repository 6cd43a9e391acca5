import { setCondition } from '../../apimachinery/conditions.ts'
import type { Host } from '../../crds/v1alpha1/host.ts'
import { type Image, ImageReady } from '../../crds/v1alpha1/image.ts'
import { removeFinalizer } from '../finalizers.ts'
import { type Step, stop } from '../runtime/reconciler.ts'

/** Stands for the copy in the storage domain. The daemon of the host that imported it drops it. */
export const imageFinalizer = 'kvorum.dev/image'

export interface HandOverDeps {
  readonly getHost: (name: string) => Host | undefined
}

/**
 * What exists on a host is its daemon's to remove; what never existed, or went with its host, may go. Disks are copies
 * and do not mind.
 */
export function handOver({ getHost }: HandOverDeps): Step<Image> {
  return (ctx, image) => {
    const hostName = image.status?.hostName
    if (hostName !== undefined && getHost(hostName) !== undefined) {
      image.status = { ...image.status, phase: 'Deleting' }
      const message = `Being removed from ${hostName}`
      setCondition(image, ctx.clock, { type: ImageReady, status: 'False', reason: 'Deleting', message })
      return Promise.resolve(stop)
    }
    if (hostName !== undefined) {
      const note = `Host ${hostName}, which held the image, is no longer registered: nothing was removed there`
      ctx.events.warning(image, 'HostGone', note)
    }
    removeFinalizer(image, imageFinalizer)
    return Promise.resolve(stop)
  }
}
