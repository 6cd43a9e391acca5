import { setCondition } from '../../apimachinery/conditions.ts'
import type { Condition } from '../../crds/meta/fields.ts'
import type { Stored } from '../../crds/meta/object-meta.ts'
import type { Host } from '../../crds/v1alpha1/host.ts'
import { type Network, NetworkReady } from '../../crds/v1alpha1/network.ts'
import { addressPlanOf, SubnetInvalidError } from '../addresses/address-plan.ts'
import { readinessOf } from '../attachments.ts'
import { byName, networkOn, usability } from '../hosts.ts'
import { proceed, type Step } from '../runtime/reconciler.ts'

export interface CollectHostsDeps {
  readonly listHosts: () => readonly Stored<Host>[]
}

type NetworkHost = NonNullable<NonNullable<Network['status']>['hosts']>[number]

/** Gathers what each host says about the network, and checks its addresses. Owns the condition Ready. */
export function collectHosts({ listHosts }: CollectHostsDeps): Step<Network> {
  return (ctx, network) => {
    const hosts = byName(listHosts()).flatMap((host): NetworkHost[] => {
      const attachment = networkOn(host, network.metadata.name)
      if (attachment === undefined) return []
      const { bridge } = attachment
      return [
        { name: host.metadata.name, ...usability(host, attachment), ...(bridge !== undefined && { bridge }) },
      ]
    })
    network.status = { ...network.status, hosts }
    setCondition(network, ctx.clock, { type: NetworkReady, ...answer(network, hosts) })
    return Promise.resolve(proceed)
  }
}

function answer(
  network: Network,
  hosts: readonly NetworkHost[],
): Pick<Condition, 'status' | 'reason' | 'message'> {
  try {
    addressPlanOf(network)
  } catch (error) {
    if (!(error instanceof SubnetInvalidError)) throw error
    return {
      status: 'False',
      reason: 'SubnetInvalid',
      message: `The subnet cannot be used: ${error.message}`,
    }
  }
  return readinessOf(hosts, { usable: 'Active', unusable: 'ActivationFailed', none: 'NoHosts' })
}
