import type { Client } from '../../../apimachinery/client/client.ts'
import { informer } from '../../../apimachinery/client/informer.ts'
import { disks, hosts, images, virtualMachineInstances } from '../../../apimachinery/client/resources.ts'
import { systemClock } from '../../../apimachinery/clock.ts'
import { silentLogger } from '../../../apimachinery/log.ts'
import { hasReason } from '../../../apimachinery/status-error.ts'
import type { KubeObject } from '../../../crds/meta/object-meta.ts'
import { type FakeDaemons, fakeDaemons } from '../../unit/controllers/support/daemon.ts'

export interface FollowingDaemons extends Pick<FakeDaemons, 'endRun'> {
  stop(): Promise<void>
}

/** The fake daemons, woken by every change of what concerns them, and every second for their leases. */
export async function followingDaemons(client: Client): Promise<FollowingDaemons> {
  const daemons = fakeDaemons(client, systemClock)
  const shared = { client, clock: systemClock, log: silentLogger }
  const informers = [hosts, images, disks, virtualMachineInstances].map((resource) =>
    informer<KubeObject>({ ...shared, resource }),
  )
  let due = true
  let stopped = false
  let wake = () => {}
  const knock = () => {
    due = true
    wake()
  }
  const work = async () => {
    while (!stopped) {
      if (!due) await new Promise<void>((resolve) => (wake = resolve))
      due = false
      if (stopped) return
      try {
        await daemons.work()
      } catch (error) {
        // Somebody was faster, or the connection broke: look again, as a daemon does.
        if (!hasReason(error, 'Conflict', 'NotFound', 'ServiceUnavailable', 'Timeout')) throw error
        due = true
      }
    }
  }
  for (const one of informers) {
    one.onChange(knock)
    one.start()
  }
  await Promise.all(informers.map((one) => one.synced()))
  const timer = setInterval(knock, 1_000)
  const working = work()
  return {
    endRun: (...args) => daemons.endRun(...args),
    async stop() {
      stopped = true
      clearInterval(timer)
      wake()
      await working
      for (const one of informers) await one.stop()
    },
  }
}
