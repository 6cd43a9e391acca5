import { Registry } from 'prom-client'
import { describe, expect, test } from 'vitest'
import { informer } from '../../../../apimachinery/client/informer.ts'
import { disks, leases } from '../../../../apimachinery/client/resources.ts'
import { silentLogger } from '../../../../apimachinery/log.ts'
import { StatusError } from '../../../../apimachinery/status-error.ts'
import { controllerMetrics } from '../../../../controllers/runtime/controller-metrics.ts'
import type { ControllerRuntime, RunningController } from '../../../../controllers/runtime/controller.ts'
import { type ManagerOptions, startManager } from '../../../../controllers/runtime/manager.ts'
import { aDisk } from '../../../support/builders.ts'
import { manualClock, settle } from '../../../support/clock.ts'
import { type FakeClient, fakeClient } from '../../../support/fake-client.ts'

const leaderElection = { namespace: 'kvorum-system', name: 'controllers', identity: 'a' }

function setUp(client: FakeClient = fakeClient({ objects: [aDisk()] })) {
  const clock = manualClock()
  const runtime: ControllerRuntime = {
    client,
    clock,
    log: silentLogger,
    events: { normal() {}, warning() {} },
    metrics: controllerMetrics(new Registry()),
    random: () => 0,
  }
  const cache = informer({ client, resource: disks, clock, log: silentLogger })
  const story: string[] = []
  /** A controller that notes what happens to it and stops when the test lets it. */
  const controller =
    (name: string, stops: Promise<void> = Promise.resolve()) =>
    (): RunningController => {
      story.push(`${name} starts with ${cache.list().length} objects`)
      return {
        name,
        enqueue() {},
        async stop(options) {
          story.push(options?.abort ? `${name} is cut short` : `${name} stops`)
          await stops
          story.push(`${name} has stopped`)
        },
      }
    }
  const start = (options: Partial<ManagerOptions> = {}) =>
    startManager({
      runtime,
      informers: [cache],
      controllers: [controller('one'), controller('two')],
      ...options,
    })
  return { client, clock, runtime, cache, story, controller, start }
}

describe('without leader election', () => {
  test('controllers start in order once the caches are filled, and stop before them', async () => {
    const { cache, story, start } = setUp()

    const manager = start()
    await manager.running
    expect(story).toEqual(['one starts with 1 objects', 'two starts with 1 objects'])
    await manager.stop()

    expect(story.slice(2)).toEqual(['two stops', 'one stops', 'two has stopped', 'one has stopped'])
    await expect(manager.done).resolves.toBeUndefined()
    expect(cache.health().connected).toBe(false)
  })

  test('all take in nothing more before the first has ended', async () => {
    const { story, controller, start } = setUp()
    let release = () => {}
    const held = new Promise<void>((resolve) => (release = resolve))
    const manager = start({ controllers: [controller('one'), controller('two', held)] })
    await manager.running

    const stopping = manager.stop()
    await settle()
    expect(story).toContain('one stops')
    expect(story).not.toContain('two has stopped')
    release()

    await stopping
    expect(story).toContain('two has stopped')
  })

  test('stopping before the caches are filled starts nothing', async () => {
    const { client, clock, story, start } = setUp()
    client.onCall(() => {
      throw new StatusError('ServiceUnavailable', 'down')
    })
    const manager = start()
    await settle()

    await manager.stop()

    await expect(manager.running).rejects.toThrow('the manager stopped')
    await expect(manager.done).resolves.toBeUndefined()
    expect(story).toEqual([])
    expect(clock.pendingTimers()).toEqual([])
  })

  test('a controller that cannot be made ends the manager, and those before it', async () => {
    const { story, controller, start } = setUp()
    const broken = () => {
      throw new Error('cannot be made')
    }

    const manager = start({ controllers: [controller('one'), broken] })

    await expect(manager.done).rejects.toThrow('cannot be made')
    await expect(manager.running).rejects.toThrow('cannot be made')
    expect(story.at(-1)).toBe('one has stopped')
  })
})

describe('with leader election', () => {
  test('controllers run while this process leads, and the lease is free after they stopped', async () => {
    const { client, story, start } = setUp()
    const manager = start({ leaderElection })
    await manager.running
    expect(
      (await client.get(leases, { namespace: 'kvorum-system', name: 'controllers' })).spec.holderIdentity,
    ).toBe('a')

    await manager.stop()

    expect(story.slice(2, 4)).toEqual(['two stops', 'one stops'])
    const { spec } = await client.get(leases, { namespace: 'kvorum-system', name: 'controllers' })
    expect(spec.holderIdentity).toBe('')
  })

  test('losing it cuts them short and ends the manager', async () => {
    const { client, clock, story, start } = setUp()
    const manager = start({ leaderElection })
    await manager.running
    client.onCall(({ resource }) => {
      if (resource.plural === 'leases') throw new StatusError('ServiceUnavailable', 'down')
    })

    await clock.advance(6_000)

    await expect(manager.done).rejects.toMatchObject({ name: 'LeadershipLostError' })
    expect(story.slice(2, 4)).toEqual(['two is cut short', 'one is cut short'])
  })

  test('a second manager waits, with its caches filled, and takes over when the first stops', async () => {
    const client = fakeClient({ objects: [aDisk()] })
    const first = setUp(client)
    const second = setUp(client)
    const a = first.start({ leaderElection })
    await a.running
    const b = second.start({ leaderElection: { ...leaderElection, identity: 'b' } })
    await second.cache.synced()
    await second.clock.advance(5_000)
    expect(second.story).toEqual([])

    await a.stop()
    await second.clock.advance(1_500)

    await b.running
    expect(second.story).toHaveLength(2)
    await b.stop()
  })

  test('stopping one that waits leaves the lease alone', async () => {
    const client = fakeClient({ objects: [aDisk()] })
    const a = setUp(client).start({ leaderElection })
    await a.running
    const second = setUp(client)
    const b = second.start({ leaderElection: { ...leaderElection, identity: 'b' } })
    await second.cache.synced()

    await b.stop()

    await expect(b.done).resolves.toBeUndefined()
    const { spec } = await client.get(leases, { namespace: 'kvorum-system', name: 'controllers' })
    expect(spec.holderIdentity).toBe('a')
    await a.stop()
  })
})
