import type { Clock } from '../../apimachinery/clock.ts'
import { setCondition } from '../../apimachinery/conditions.ts'
import type { Stored } from '../../crds/meta/object-meta.ts'
import { type Disk, DiskReady } from '../../crds/v1alpha1/disk.ts'
import type { Host } from '../../crds/v1alpha1/host.ts'
import { keyBeside } from '../beside.ts'
import { removeFinalizer } from '../finalizers.ts'
import { type Instance, isFinished } from '../instances.ts'
import { proceed, type Step, stop } from '../runtime/reconciler.ts'
import { listed } from '../sentences.ts'

/** Stands for the file on a host. The host's daemon drops it when the file is gone. */
export const diskFinalizer = 'kvorum.dev/disk'

export interface WaitForRunsDeps {
  readonly instancesUsing: (diskKey: string) => readonly Instance[]
}

export interface HandOverDeps {
  readonly getHost: (name: string) => Host | undefined
}

/** A disk goes only when no run writes to it any more. */
export function waitForRuns({ instancesUsing }: WaitForRunsDeps): Step<Disk> {
  return (ctx, disk) => {
    const users = instancesUsing(keyBeside(disk, disk.metadata.name)).filter((run) => !isFinished(run))
    if (users.length === 0) return Promise.resolve(proceed)
    const names = users.map(({ metadata }) => metadata.name).toSorted()
    setCondition(disk, ctx.clock, {
      type: DiskReady,
      status: 'False',
      reason: 'InUse',
      message: `Deletion waits for ${names.length === 1 ? 'machine' : 'machines'} ${listed(names)}`,
    })
    return Promise.resolve(stop)
  }
}

/** What exists on a host is its daemon's to remove; what never existed, or went with its host, may go. */
export function handOver({ getHost }: HandOverDeps): Step<Disk> {
  return (ctx, disk) => {
    const hostName = disk.status?.hostName
    if (hostName !== undefined && getHost(hostName) !== undefined) {
      beingRemoved(ctx.clock, disk, hostName)
      return Promise.resolve(stop)
    }
    if (hostName !== undefined) {
      const note = `Host ${hostName}, which held the disk, is no longer registered: nothing was removed there`
      ctx.events.warning(disk, 'HostGone', note)
    }
    removeFinalizer(disk, diskFinalizer)
    return Promise.resolve(stop)
  }
}

function beingRemoved(clock: Clock, disk: Stored<Disk>, hostName: string): void {
  disk.status ??= {}
  disk.status.phase = 'Deleting'
  setCondition(disk, clock, {
    type: DiskReady,
    status: 'False',
    reason: 'Deleting',
    message: `Being removed from ${hostName}`,
  })
}
