import type { ObjectKey } from '../../apimachinery/client/client.ts'
import { setCondition } from '../../apimachinery/conditions.ts'
import { conflict, isConflict, isNotFound } from '../../apimachinery/status-error.ts'
import type { Stored } from '../../crds/meta/object-meta.ts'
import type { HostCluster } from '../../crds/v1alpha1/host-cluster.ts'
import type { Host } from '../../crds/v1alpha1/host.ts'
import {
  type VirtualMachineInstance,
  virtualMachineInstanceKind,
  VmiScheduled,
  type VmiScheduledReason,
} from '../../crds/v1alpha1/virtual-machine-instance.ts'
import { type Instance, isFinished } from '../instances.ts'
import { type Outcome, proceed, type ReconcileContext, type Step, stop } from '../runtime/reconciler.ts'
import { chooseHost } from './choose-host.ts'
import { type PlacementRequestDeps, placementRequestOf } from './placement-request.ts'
import type { Placements } from '../placements.ts'

export interface PlaceDeps extends PlacementRequestDeps {
  readonly placements: Placements
  readonly listHosts: () => readonly Stored<Host>[]
  readonly getHostCluster: (name: string) => Stored<HostCluster> | undefined
  /** Writes `spec.hostName` to exactly this version of the run: a Conflict when anybody has changed it since. */
  readonly assignHost: (instance: Instance, hostName: string) => Promise<void>
  /** From the server, for when the cache is behind. */
  readonly readInstance: (key: ObjectKey) => Promise<Instance>
}

const kindRef = { group: virtualMachineInstanceKind.group, resource: virtualMachineInstanceKind.plural }

/** Chooses a host once and for good. Owns the condition Scheduled; who waits is woken when hosts or runs change. */
export function place(deps: PlaceDeps): Step<VirtualMachineInstance> {
  return async (ctx, instance) => {
    if (isFinished(instance)) return proceed
    if (instance.spec.hostName !== undefined) {
      setCondition(instance, ctx.clock, {
        type: VmiScheduled,
        status: 'True',
        reason: 'HostAssigned',
        message: `Assigned to ${instance.spec.hostName}`,
      })
      return proceed
    }
    const { spec } = instance
    const cluster = deps.getHostCluster(spec.hostCluster.name)
    if (cluster === undefined) {
      const message = `HostCluster ${spec.hostCluster.name} does not exist`
      return waiting(ctx, instance, { reason: 'HostClusterNotFound', message })
    }
    if (spec.libvirtFragments !== undefined && cluster.spec.libvirtFragments !== 'Allowed') {
      const message = `HostCluster ${cluster.metadata.name} does not allow libvirtFragments`
      return waiting(ctx, instance, { reason: 'FragmentsForbidden', message })
    }
    const request = placementRequestOf(deps, instance, cluster)
    if (typeof request === 'string') return waiting(ctx, instance, { reason: 'NoHostFits', message: request })

    // An earlier try whose answer was lost counts no more: should it have come through, this one conflicts.
    deps.placements.forget(instance)
    const candidates = deps
      .listHosts()
      .map((host) => ({ host, promised: deps.placements.usageOf(host.metadata.name) }))
    const choice = chooseHost(request, candidates)
    if (choice.hostName === undefined) {
      return waiting(ctx, instance, { reason: 'NoHostFits', message: choice.why })
    }
    return assign(deps, ctx, instance, choice.hostName)
  }
}

async function assign(
  deps: PlaceDeps,
  ctx: ReconcileContext,
  instance: Instance,
  hostName: string,
): Promise<Outcome> {
  ctx.log.info('Assigning host', { host: hostName })
  deps.placements.assume(instance, hostName)
  try {
    await deps.assignHost(instance, hostName)
  } catch (error) {
    // Any other failure leaves it open whether the write came through: until the next try it counts.
    if (!isConflict(error) && !isNotFound(error)) throw error
    await learn(deps, instance)
  }
  // Our own write, or the one that we lost against, has made the copy of this pass old: as after any conflict nothing
  // is written from it. The event of that write wakes us.
  throw conflict(kindRef, instance.metadata.name, `host ${hostName} was just assigned`)
}

/** Somebody has changed the run since, perhaps an earlier try of our own whose answer was lost. */
async function learn({ placements, readInstance }: PlaceDeps, instance: Instance): Promise<void> {
  placements.forget(instance)
  try {
    const current = await readInstance(instance.metadata)
    const { hostName } = current.spec
    if (hostName !== undefined && !isFinished(current)) placements.assume(current, hostName)
  } catch (error) {
    if (!isNotFound(error)) throw error
  }
}

function waiting(
  ctx: ReconcileContext,
  instance: Instance,
  { reason, message }: { reason: keyof typeof VmiScheduledReason; message: string },
): Outcome {
  setCondition(instance, ctx.clock, { type: VmiScheduled, status: 'False', reason, message })
  return stop
}
