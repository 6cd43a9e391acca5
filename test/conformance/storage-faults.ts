import { Etcd3 } from 'etcd3'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { systemClock } from '../../apimachinery/clock.ts'
import { etcdStorage } from '../../apiserver/storage/etcd/etcd-storage.ts'
import type { ConnectMember } from '../../apiserver/storage/etcd/etcd-member.ts'
import type { Storage } from '../../apiserver/storage/storage.ts'
import type { EtcdServer } from '../support/etcd.ts'
import { startEtcd, startEtcdCluster } from '../support/etcd.ts'
import { collect, failure, fill, freshPrefix } from './storage-probes.ts'
import type { TcpProxy } from './storage-tcp-proxy.ts'
import { startTcpProxy } from './storage-tcp-proxy.ts'

/** What the port promises when the way to etcd, or etcd itself, breaks. */
export function etcdFaults(connect: ConnectMember): void {
  let etcd: EtcdServer
  let proxy: TcpProxy
  /** Reaches etcd on a way that is never broken. */
  let direct: Storage
  /** Reaches etcd through the proxy. */
  let storage: Storage

  beforeAll(async () => {
    etcd = await startEtcd()
    proxy = await startTcpProxy(etcd.endpoints[0] ?? '')
    direct = etcdStorage({ endpoints: etcd.endpoints, clock: systemClock, connect })
    storage = etcdStorage({ endpoints: [proxy.endpoint], clock: systemClock, connect })
  })
  afterAll(async () => {
    await storage.close()
    await direct.close()
    await proxy.close()
    await etcd.stop()
  })

  afterEach(() => proxy.letAnswersPass())

  /** Resolves once etcd has carried out the next change of `key`. */
  const nextChange = async (key: string, afterRevision: number) =>
    (await collect(direct, { prefix: key, afterRevision }, 1))[0]

  test('a watch that is cut again and again while it catches up gets 6000 of 6000 events, each once', async () => {
    const prefix = freshPrefix()
    const afterRevision = await direct.currentRevision()
    await fill(direct, prefix, 6000, 500)
    const before = proxy.cuts
    proxy.cutEvery(300_000, 6)

    const events = await collect(storage, { prefix, afterRevision }, 6000)

    expect(proxy.cuts - before).toBeGreaterThanOrEqual(6)
    expect(events.map((event) => event.revision)).toEqual(
      Array.from({ length: 6000 }, (_, index) => afterRevision + 1 + index),
    )
  })

  test('large values arrive whole over several cuts', async () => {
    const prefix = freshPrefix()
    const afterRevision = await direct.currentRevision()
    await fill(direct, prefix, 12, 1_400_000)
    proxy.cutEvery(5_000_000, 3)

    const events = await collect(storage, { prefix, afterRevision }, 12)

    expect(events.map((event) => event.type === 'put' && event.value.length)).toEqual(
      Array(12).fill(1_400_000),
    )
  })

  test('a transaction that is cut between two fragments arrives whole and once', async () => {
    const prefix = freshPrefix()
    const afterRevision = await direct.currentRevision()
    // etcd starts a new fragment at 2 MiB: the first ends between the two keys of the transaction.
    await direct.create(`${prefix}a`, Buffer.alloc(900_000))
    const raw = new Etcd3({ hosts: [...etcd.endpoints] })
    const puts = ['b', 'c'].map((name) => raw.put(prefix + name).value(Buffer.alloc(700_000)))
    await raw
      .if(`${prefix}b`, 'Version', '==', 0)
      .then(...puts)
      .commit()
    raw.close()
    const before = proxy.cuts
    proxy.cutEvery(1_800_000, 1)

    const events = await collect(storage, { prefix, afterRevision }, 3)

    expect(proxy.cuts).toBeGreaterThan(before)
    expect(events.map((event) => event.key)).toEqual([`${prefix}a`, `${prefix}b`, `${prefix}c`])
    expect(events[1]?.revision).toBe(events[2]?.revision)
  })

  test('a watch goes on over a restart of etcd', async () => {
    const prefix = freshPrefix()
    const afterRevision = await direct.currentRevision()
    const collected = collect(storage, { prefix, afterRevision }, 200)
    await fill(direct, `${prefix}a`, 100)

    await etcd.kill()
    await etcd.restart()
    await fill(direct, `${prefix}b`, 100)

    const revisions = (await collected).map((event) => event.revision)
    expect(new Set(revisions).size).toBe(200)
    expect(revisions).toEqual(revisions.toSorted((a, b) => a - b))
  })

  test('a watch that was away while its history was compacted says so', async () => {
    const prefix = freshPrefix()
    const { revision } = await direct.create(`${prefix}a`, Buffer.from('1'))
    const stop = new AbortController()
    const batches = storage.watch(prefix, revision - 1, stop.signal)[Symbol.asyncIterator]()
    expect((await batches.next()).done).toBe(false)
    const waiting = batches.next()
    proxy.holdAnswers()
    const second = await direct.update(`${prefix}a`, Buffer.from('2'), revision)
    const third = await direct.update(`${prefix}a`, Buffer.from('3'), second.revision)
    await direct.compact(third.revision)
    proxy.cut()

    expect(await failure(waiting)).toMatchObject({ code: 'compacted' })
  })

  test('a create whose answer is lost is found to be done', async () => {
    const key = `${freshPrefix()}a`
    const before = await storage.currentRevision()
    proxy.holdAnswers()
    const creating = storage.create(key, Buffer.from('mine'))
    const change = await nextChange(key, before)
    proxy.cut()

    expect(await creating).toEqual({ key, value: Buffer.from('mine'), revision: change?.revision })
  })

  test('an update whose answer is lost is found to be done, even when somebody wrote after it', async () => {
    const key = `${freshPrefix()}a`
    const { revision } = await storage.create(key, Buffer.from('1'))
    proxy.holdAnswers()
    const updating = storage.update(key, Buffer.from('mine'), revision)
    const change = await nextChange(key, revision)
    await direct.update(key, Buffer.from('theirs'), change?.revision ?? 0)
    proxy.cut()

    expect(await updating).toEqual({ key, value: Buffer.from('mine'), revision: change?.revision })
  })

  test('a delete whose answer is lost is found to be done', async () => {
    const key = `${freshPrefix()}a`
    const { revision } = await storage.create(key, Buffer.from('1'))
    proxy.holdAnswers()
    const deleting = storage.delete(key, revision)
    const change = await nextChange(key, revision)
    proxy.cut()

    expect(await deleting).toBe(change?.revision)
  })

  test('an update that lost the race while its answer was lost is a conflict', async () => {
    const key = `${freshPrefix()}a`
    const { revision } = await storage.create(key, Buffer.from('1'))
    const theirs = await direct.update(key, Buffer.from('theirs'), revision)
    await storage.currentRevision()
    proxy.holdAnswers()
    const updating = failure(storage.update(key, Buffer.from('mine'), revision))
    await expect.poll(() => proxy.requestBytesWhileHeld).toBeGreaterThan(100)
    proxy.cut()

    expect(await updating).toMatchObject({ code: 'revision-conflict', current: theirs })
  })

  test('reads and writes that meet a restarting etcd succeed once it is back', async () => {
    const key = `${freshPrefix()}a`
    const { revision } = await storage.create(key, Buffer.from('1'))
    await etcd.kill()

    const updating = storage.update(key, Buffer.from('2'), revision)
    const reading = storage.list(key)
    await etcd.restart()

    expect((await updating).revision).toBe(revision + 1)
    expect((await reading).items).toHaveLength(1)
  })

  test('a closed store refuses calls and ends watches', async () => {
    const closing = etcdStorage({ endpoints: etcd.endpoints, clock: systemClock, connect })
    const afterRevision = await closing.currentRevision()
    const watching = collect(closing, { prefix: freshPrefix(), afterRevision }, 1)

    await closing.close()

    expect(await watching).toEqual([])
    expect(await failure(closing.get('a'))).toMatchObject({ code: 'unavailable' })
  })
}

/** Three members: each of them may die or freeze. */
export function etcdFailover(connect: ConnectMember): void {
  test.each(['kill', 'pause'] as const)(
    'writes and a watch go on when the member in use is hit by a %s',
    async (fault) => {
      const cluster = await startEtcdCluster(3)
      const storage = etcdStorage({ endpoints: cluster.endpoints, clock: systemClock, connect })
      try {
        const prefix = freshPrefix()
        const collected = collect(storage, { prefix, afterRevision: await storage.currentRevision() }, 200)
        await fill(storage, `${prefix}a`, 100)

        await cluster.members[0]?.[fault]()
        await fill(storage, `${prefix}b`, 100)

        const revisions = (await collected).map((event) => event.revision)
        expect(new Set(revisions).size).toBe(200)
        expect(revisions).toEqual(revisions.toSorted((a, b) => a - b))
        expect((await storage.list(prefix)).items).toHaveLength(200)
      } finally {
        await storage.close()
        await cluster.stop()
      }
    },
  )
}
