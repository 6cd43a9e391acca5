import { afterEach } from 'vitest'
import { systemClock } from '../../../../apimachinery/clock.ts'
import type { Logger } from '../../../../apimachinery/log.ts'
import { silentLogger } from '../../../../apimachinery/log.ts'
import type {
  CacheEvent,
  CacheSubscriber,
  ResourceCache,
  WatchCache,
} from '../../../../apiserver/cache/cache.ts'
import { watchCache } from '../../../../apiserver/cache/watch-cache.ts'
import { memoryStorage } from '../../../../apiserver/storage/memory/memory-storage.ts'
import type { Storage } from '../../../../apiserver/storage/storage.ts'

export const prefix = '/registry/kvorum.dev/virtualmachines/'
export const never = new AbortController().signal

/** Stores and caches that are closed after each test, the youngest first. */
export function cacheFixture() {
  const started: { close(): Promise<void> }[] = []
  afterEach(async () => {
    for (const part of started.splice(0).toReversed()) await part.close()
  })
  return {
    start(this: void, storage: Storage, log: Logger = silentLogger): WatchCache {
      const caches = watchCache({ storage, clock: systemClock, log })
      started.push(caches)
      return caches
    },
    memory(this: void): Storage {
      const storage = memoryStorage()
      started.push(storage)
      return storage
    },
  }
}

/** Key and value of a virtual machine in the namespace `default`. */
export function vm(name: string, fields: { uid?: string; n?: number } = {}): [key: string, value: Buffer] {
  const { uid = name, n = 0 } = fields
  const object = { kind: 'VirtualMachine', metadata: { name, namespace: 'default', uid }, spec: { n } }
  return [`${prefix}default/${name}`, Buffer.from(JSON.stringify(object))]
}

/** A subscriber that keeps what it is told, as `type name@revision`. */
export function recorder() {
  const events: CacheEvent[] = []
  const calls: number[] = []
  let resets = 0
  const subscriber: CacheSubscriber = {
    onEvents(batch, revision) {
      events.push(...batch)
      calls.push(revision)
    },
    onReset: () => void resets++,
  }
  return {
    subscriber,
    events,
    calls,
    get resets() {
      return resets
    },
    seen: () => events.map(({ type, item }) => `${type} ${item.key.split('/').at(-1)}@${item.revision}`),
  }
}

/** Resolves when the cache has seen everything that the store has now. */
export async function caughtUp(storage: Storage, resource: ResourceCache): Promise<void> {
  await resource.waitFor(await storage.currentRevision(), AbortSignal.timeout(5_000))
}
