import type { Host } from '../../crds/v1alpha1/host.ts'
import { type VirtualMachineInstance, vmiFinalizer } from '../../crds/v1alpha1/virtual-machine-instance.ts'
import { hasFinalizer, removeFinalizer } from '../finalizers.ts'
import { isFinished } from '../instances.ts'
import { type Step, stop } from '../runtime/reconciler.ts'

export interface ReleaseDeps {
  readonly getHost: (name: string) => Host | undefined
}

/**
 * Lets a run go that no host has anything of: one that was never placed, or one whose end its host reported before the
 * host was taken out of the installation. A run that is not known to be over is never let go of here.
 */
export function release({ getHost }: ReleaseDeps): Step<VirtualMachineInstance> {
  return (ctx, instance) => {
    const { hostName } = instance.spec
    const isLeft = hostName === undefined || (isFinished(instance) && getHost(hostName) === undefined)
    if (isLeft && hasFinalizer(instance, vmiFinalizer)) {
      ctx.log.info('Releasing run', { host: hostName ?? null })
      removeFinalizer(instance, vmiFinalizer)
    }
    return Promise.resolve(stop)
  }
}
