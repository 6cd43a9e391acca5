import { describe, expect, test } from 'vitest'
import { keyOf } from '../../../../apimachinery/client/client.ts'
import {
  disks,
  hosts,
  virtualMachineInstances,
  virtualMachines,
} from '../../../../apimachinery/client/resources.ts'
import { watchMapped, watchOwned } from '../../../../controllers/runtime/controller.ts'
import {
  proceed,
  type ReconcileContext,
  retryAfter,
  type Step,
} from '../../../../controllers/runtime/reconciler.ts'
import type { KubeObject } from '../../../../crds/meta/object-meta.ts'
import { aDisk, aHost, aVirtualMachine, aVirtualMachineInstance } from '../../../support/builders.ts'
import { settle } from '../../../support/clock.ts'
import { key, setUp } from './controller-fixtures.ts'

describe('other objects wake', () => {
  const countingBy = () => {
    const looked: string[] = []
    const look: Step<KubeObject> = async (_ctx: ReconcileContext, object) => {
      looked.push(keyOf(object.metadata))
      return proceed
    }
    return { looked, look }
  }

  test('the owner that controls them', async () => {
    const { client, follow, run } = setUp()
    const { looked, look } = countingBy()
    const vm = aVirtualMachine({ status: { observedGeneration: 1 } })
    client.seed(vm)
    const instances = follow(virtualMachineInstances)
    run(follow(virtualMachines), look, { watches: [watchOwned(instances, virtualMachines)] })
    await expect.poll(() => looked).toEqual(['default/vm-1'])
    const { apiVersion, kind } = vm
    const owner = { apiVersion, kind, name: 'vm-1', uid: vm.metadata.uid }

    client.seed(aVirtualMachineInstance({ metadata: { ownerReferences: [{ ...owner, controller: true }] } }))
    await expect.poll(() => looked).toHaveLength(2)
    await client.delete(virtualMachineInstances, { name: 'vm-1', namespace: 'default' })
    await expect.poll(() => looked).toHaveLength(3)
    client.seed(aVirtualMachineInstance({ metadata: { ownerReferences: [owner] } }))
    client.seed(
      aVirtualMachineInstance({
        metadata: { name: 'vm-2', ownerReferences: [{ ...owner, apiVersion: 'other/v1', controller: true }] },
      }),
    )
    await settle()

    expect(looked).toHaveLength(3)
  })

  test('whatever a function says of their old and new state', async () => {
    const { client, follow, run } = setUp()
    const { looked, look } = countingBy()
    client.seed(
      aDisk({ status: { observedGeneration: 1 } }),
      aHost({ metadata: { labels: { disk: 'disk-1' } } }),
    )
    const watched = watchMapped(follow(hosts), ({ before, after }) =>
      [before, after].flatMap((host) => {
        const disk = host?.metadata.labels?.['disk']
        return disk === undefined ? [] : [`default/${disk}`]
      }),
    )
    run(follow(disks), look, { watches: [watched] })
    await settle()
    looked.length = 0

    await client.patch(hosts, { name: 'host-1' }, { type: 'merge', body: { metadata: { labels: null } } })

    await expect.poll(() => looked).toEqual(['default/disk-1'])
  })
})

describe('stopping', () => {
  test('lets a pass under way end and write, and begins no other', async () => {
    const { client, follow, run } = setUp()
    client.seed(aDisk())
    let finish = () => {}
    let begun = 0
    const following = follow(disks)
    const controller = run(following, async (_ctx, disk) => {
      begun += 1
      await new Promise<void>((resolve) => (finish = resolve))
      disk.status = { phase: 'Ready' }
      return retryAfter(1)
    })
    await expect.poll(() => begun).toBe(1)

    const stopping = controller.stop()
    client.seed(aDisk({ metadata: { name: 'disk-2' } }))
    controller.enqueue('default/disk-2')
    await settle()
    finish()
    await stopping

    expect((await client.get(disks, key)).status?.phase).toBe('Ready')
    expect(begun).toBe(1)
  })

  test.each([
    ['after ten seconds', {}, 10_000],
    ['at once when it must', { abort: true }, 0],
  ])('tells a pass that takes too long to end %s', async (_name, options, afterMs) => {
    const { client, clock, follow, run, lines } = setUp()
    client.seed(aDisk())
    let signal: AbortSignal | undefined
    const controller = run(follow(disks), (ctx) => {
      signal = ctx.signal
      return new Promise((_resolve, reject) =>
        ctx.signal.addEventListener('abort', () => reject(ctx.signal.reason as Error)),
      )
    })
    await expect.poll(() => signal).toBeDefined()

    const stopping = controller.stop(options)
    await clock.advance(Math.max(0, afterMs - 1))
    expect(signal?.aborted).toBe(afterMs === 0)
    await clock.advance(1)
    await stopping

    expect(signal?.aborted).toBe(true)
    expect(lines.filter(({ level }) => level === 'error')).toEqual([])
  })
})
