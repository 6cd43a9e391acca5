import fc from 'fast-check'
import { afterEach, describe, expect, test } from 'vitest'
import { virtualMachineInstances } from '../../../apimachinery/client/resources.ts'
import type { NodeDaemonDeps } from '../../../node-daemon/node-daemon.ts'
import { aDisk, anImage, aPlacedRun, aWorld, hostName, uuid, type World } from './support.ts'

const worlds: World[] = []
afterEach(async () => {
  for (const world of worlds.splice(0)) await world.stop()
})

/** A machine from an image that this host imports, from nothing to running to gone. */
function aStory(): World {
  const world = aWorld(
    anImage({ status: { hostName } }),
    aDisk({ spec: { size: '1Gi', source: { image: { name: 'image-1' } } } }),
    aPlacedRun(),
  )
  worlds.push(world)
  return world
}

/** When the process dies: before or after the effect of a call to the outside, counted from 0. */
interface Death {
  readonly call: number
  readonly when: 'before' | 'after'
}

/** Ports through which a process talks that dies at one call: that call and all later ones fail. */
function mortal(world: World, death: Death | undefined) {
  let calls = 0
  let dead = false
  const dies = new Error('the process died')
  const wrap = <T extends object>(port: T): T =>
    new Proxy(port, {
      get(target, name) {
        const method: unknown = Reflect.get(target, name)
        if (typeof method !== 'function' || name === 'events' || name === 'watch' || name === 'close')
          return typeof method === 'function' ? method.bind(target) : method
        return async (...args: unknown[]) => {
          const index = calls++
          if (dead || (death?.call === index && death.when === 'before')) {
            dead = true
            throw dies
          }
          const result: unknown = await (method as (...values: unknown[]) => unknown).apply(target, args)
          if (dead || death?.call === index) {
            dead = true
            throw dies
          }
          return result
        }
      },
    })
  const overrides: Partial<NodeDaemonDeps> = {
    client: wrap(world.client),
    hypervisor: wrap(world.hypervisor),
    networkDriver: wrap(world.networks),
    storageDriverOf: () => wrap(world.storage),
    runRecords: wrap(world.records),
  }
  return { overrides, calls: () => calls, isDead: () => dead }
}

const remove = (world: World) =>
  world.client.delete(virtualMachineInstances, { namespace: 'default', name: 'vm-1' })

async function expectRunning(world: World): Promise<void> {
  expect((await world.run())?.status?.phase).toBe('Running')
  expect((await world.hypervisor.getDomain(uuid))?.state).toBe('running')
  expect(await world.hypervisor.listDomains()).toHaveLength(1)
  expect((await world.image())?.status?.phase).toBe('Ready')
}

async function expectGone(world: World): Promise<void> {
  expect(await world.run()).toBeUndefined()
  expect(await world.hypervisor.listDomains()).toEqual([])
  expect(world.networks.world.dhcpHosts('default')).toEqual([])
  expect(await world.records.list()).toEqual([])
}

async function countCalls(until: 'running' | 'gone'): Promise<number> {
  const world = aStory()
  const counted = mortal(world, undefined)
  const daemon = world.start(counted.overrides)
  await world.settle(5_000)
  await expectRunning(world)
  const whileStarting = counted.calls()
  await remove(world)
  await world.settle(5_000)
  await expectGone(world)
  await daemon.stop()
  return until === 'running' ? whileStarting : counted.calls() - whileStarting
}

const deaths = (calls: number) =>
  fc.record({
    call: fc.integer({ min: 0, max: calls - 1 }),
    when: fc.constantFrom('before' as const, 'after' as const),
  })

describe('a daemon that dies at any call', () => {
  test('while a machine comes up, is followed by one that brings it up', { timeout: 60_000 }, async () => {
    const calls = await countCalls('running')
    await fc.assert(
      fc.asyncProperty(deaths(calls), async (death) => {
        const world = aStory()
        const first = mortal(world, death)
        const dead = world.start(first.overrides)
        await world.settle(5_000)
        await dead.stop()
        world.start()
        await world.settle(10_000)
        await expectRunning(world)
        expect(world.storage.world.stored).toHaveLength(2)
      }),
      { numRuns: 80 },
    )
  })

  test('while a machine goes, is followed by one that clears it away', { timeout: 60_000 }, async () => {
    const calls = await countCalls('gone')
    await fc.assert(
      fc.asyncProperty(deaths(calls), async (death) => {
        const world = aStory()
        const calm = world.start()
        await world.settle(5_000)
        await calm.stop()
        await remove(world)
        const second = mortal(world, death)
        const dead = world.start(second.overrides)
        await world.settle(5_000)
        await dead.stop()
        world.start()
        await world.settle(10_000)
        await expectGone(world)
      }),
      { numRuns: 60 },
    )
  })

  test('finds, after any restart, nothing to write', async () => {
    const world = aStory()
    const first = world.start()
    await world.settle(10_000)
    await first.stop()
    const versions = async () => [
      (await world.run())?.metadata.resourceVersion,
      (await world.disk())?.metadata.resourceVersion,
      (await world.image())?.metadata.resourceVersion,
    ]
    const before = await versions()
    world.start()
    await world.settle(10_000)
    expect(await versions()).toEqual(before)
    expect(world.hypervisor.world.calls.startDomain).toBe(1)
  })

  test('one failed call of any kind is repeated until it succeeds', { timeout: 60_000 }, async () => {
    const calls = await countCalls('running')
    await fc.assert(
      fc.asyncProperty(deaths(calls), async ({ call, when }) => {
        const world = aStory()
        world.start(failingOnce(world, call, when))
        await world.settle(15_000)
        await expectRunning(world)
      }),
      { numRuns: 60 },
    )
  })
})

/** As `mortal`, but only that one call fails. */
function failingOnce(world: World, call: number, when: Death['when']): Partial<NodeDaemonDeps> {
  let calls = 0
  const wrap = <T extends object>(port: T): T =>
    new Proxy(port, {
      get(target, name) {
        const method: unknown = Reflect.get(target, name)
        if (typeof method !== 'function') return method
        if (name === 'events' || name === 'watch' || name === 'close') return method.bind(target)
        return async (...args: unknown[]) => {
          const fails = calls++ === call
          if (fails && when === 'before') throw new Error('the call failed')
          const result: unknown = await (method as (...values: unknown[]) => unknown).apply(target, args)
          if (fails) throw new Error('the answer was lost')
          return result
        }
      },
    })
  return {
    client: wrap(world.client),
    hypervisor: wrap(world.hypervisor),
    networkDriver: wrap(world.networks),
    storageDriverOf: () => wrap(world.storage),
    runRecords: wrap(world.records),
  }
}
