import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../../apimachinery/clock.ts'
import { silentLogger } from '../../apimachinery/log.ts'
import type { WatchCache } from '../../apiserver/cache/cache.ts'
import { watchCache } from '../../apiserver/cache/watch-cache.ts'
import { etcdStorage } from '../../apiserver/storage/etcd/etcd-storage.ts'
import type { Storage } from '../../apiserver/storage/storage.ts'
import type { EtcdServer } from '../support/etcd.ts'
import { startEtcd } from '../support/etcd.ts'
import { freshPrefix } from './storage-probes.ts'
import type { TcpProxy } from './storage-tcp-proxy.ts'
import { startTcpProxy } from './storage-tcp-proxy.ts'

const never = new AbortController().signal
const value = Buffer.from('{"kind":"ConfigMap","metadata":{"name":"a"}}')

describe('the watch cache on etcd', () => {
  let etcd: EtcdServer
  let proxy: TcpProxy
  let direct: Storage
  let storage: Storage
  let caches: WatchCache

  beforeAll(async () => {
    etcd = await startEtcd()
    proxy = await startTcpProxy(etcd.endpoints[0] ?? '')
    direct = etcdStorage({ endpoints: etcd.endpoints, clock: systemClock })
    storage = etcdStorage({ endpoints: [proxy.endpoint], clock: systemClock })
    caches = watchCache({ storage, clock: systemClock, log: silentLogger })
  })
  afterAll(async () => {
    await caches.close()
    await storage.close()
    await direct.close()
    await proxy.close()
    await etcd.stop()
  })

  test('delivers every write once and in order while etcd restarts and the connection is cut', async () => {
    const prefix = freshPrefix()
    const resource = await caches.open(prefix, never)
    const revisions: number[] = []
    let resets = 0
    resource.subscribe(prefix, resource.revision, {
      onEvents: (events) => void revisions.push(...events.map((event) => event.item.revision)),
      onReset: () => void resets++,
    })
    const written: number[] = []
    const writer = async (name: string) => {
      let { revision } = await direct.create(prefix + name, value)
      written.push(revision)
      for (let count = 0; count < 150; count++) {
        ;({ revision } = await direct.update(prefix + name, value, revision))
        written.push(revision)
      }
    }
    const writing = Promise.all(Array.from({ length: 8 }, (_, index) => writer(`key-${index}`)))
    await expect.poll(() => revisions.length).toBeGreaterThan(100)
    proxy.cut()
    await expect.poll(() => revisions.length).toBeGreaterThan(300)
    await etcd.kill()
    await etcd.restart()
    proxy.cutEvery(20_000, 3)
    await writing
    await resource.waitFor(await caches.consistentRevision(never), AbortSignal.timeout(20_000))

    expect(revisions).toEqual(written.toSorted((one, other) => one - other))
    expect(resets).toBe(0)
    const { items } = await direct.list(prefix)
    expect(resource.list(prefix).map(({ key, revision }) => ({ key, revision }))).toEqual(
      items.map(({ key, revision }) => ({ key, revision })),
    )
  })

  test('finds its way back when its place was compacted while it was cut off', async () => {
    const prefix = freshPrefix()
    const resource = await caches.open(prefix, never)
    const kept = await direct.create(`${prefix}kept`, value)
    const gone = await direct.create(`${prefix}gone`, value)
    await resource.waitFor(gone.revision, AbortSignal.timeout(5_000))
    const seen: string[] = []
    resource.subscribe(prefix, resource.revision, {
      onEvents: (events) =>
        void seen.push(...events.map(({ type, item }) => `${type} ${item.key.slice(prefix.length)}`)),
      onReset: () => void seen.push('reset'),
    })

    proxy.holdAnswers()
    await direct.update(kept.key, value, kept.revision)
    await direct.delete(gone.key, gone.revision)
    const { revision } = await direct.create(`${prefix}new`, value)
    await direct.compact(revision)
    proxy.cut()
    await resource.waitFor(revision, AbortSignal.timeout(20_000))

    expect(seen.toSorted()).toEqual(['ADDED new', 'DELETED gone', 'MODIFIED kept'])
    expect(resource.list(prefix).map((item) => item.key)).toEqual([`${prefix}kept`, `${prefix}new`])
  })
})
