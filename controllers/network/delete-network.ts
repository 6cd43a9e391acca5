import { setCondition } from '../../apimachinery/conditions.ts'
import { type Network, NetworkReady } from '../../crds/v1alpha1/network.ts'
import { deletionWaits } from '../attachments.ts'
import { removeFinalizer } from '../finalizers.ts'
import { type Step, stop } from '../runtime/reconciler.ts'

/** Held as long as any machine is plugged into the network, or is to be. */
export const networkFinalizer = 'kvorum.dev/network'

export interface DeleteNetworkDeps {
  /** How many machines name the network, in their spec or in the run that goes on. */
  readonly countMachines: (network: string) => number
}

/** A network goes only when no machine is plugged into it. */
export function deleteNetwork({ countMachines }: DeleteNetworkDeps): Step<Network> {
  return (ctx, network) => {
    const message = deletionWaits({ machine: countMachines(network.metadata.name) })
    if (message === undefined) removeFinalizer(network, networkFinalizer)
    else setCondition(network, ctx.clock, { type: NetworkReady, status: 'False', reason: 'InUse', message })
    return Promise.resolve(stop)
  }
}
