import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Storage } from '../../apiserver/storage/storage.ts'
import { keyTests } from './storage-key-conformance.ts'
import { collect, failure, fill, freshPrefix } from './storage-probes.ts'

/** What every implementation of the port has to do, run against the one that `open` gives. */
export function storageConformance(open: () => Promise<{ storage: Storage; close(): Promise<void> }>): void {
  let opened: Awaited<ReturnType<typeof open>>
  const storage = () => opened.storage
  beforeAll(async () => {
    opened = await open()
  })
  afterAll(async () => {
    await opened.close()
  })

  describe('keys', () => {
    keyTests(storage)
  })
  describe('listings', () => {
    listTests(storage)
  })
  describe('watches', () => {
    watchTests(storage)
  })
  describe('history', () => {
    historyTests(storage)
  })
}

function listTests(storage: () => Storage): void {
  test('a listing is in key order and holds nothing but the prefix', async () => {
    const prefix = freshPrefix()
    for (const name of ['b', 'a/2', 'a/1', 'a-b', 'c'])
      await storage().create(prefix + name, Buffer.from(name))

    const { items, remaining } = await storage().list(`${prefix}a`)

    expect(items.map((item) => item.key)).toEqual([`${prefix}a-b`, `${prefix}a/1`, `${prefix}a/2`])
    expect(remaining).toBe(0)
  })

  test('an empty prefix holds everything', async () => {
    const { key } = await storage().create(`${freshPrefix()}a`, Buffer.from('x'))

    expect((await storage().list('')).items.map((item) => item.key)).toContain(key)
  })

  test('pages at one revision show one state while writes go on', async () => {
    const prefix = freshPrefix()
    await fill(storage(), prefix, 25)
    const keys: string[] = []

    let page = await storage().list(prefix, { limit: 10 })
    const { revision } = page
    keys.push(...page.items.map((item) => item.key))
    expect(page.remaining).toBe(15)
    for (const item of (await storage().list(prefix)).items.slice(8, 14)) {
      await storage().delete(item.key, item.revision)
    }
    await storage().create(`${prefix}000011-new`, Buffer.from('x'))
    while (page.remaining > 0) {
      page = await storage().list(prefix, { limit: 10, revision, startAfter: keys.at(-1) ?? '' })
      expect(page.revision).toBe(revision)
      keys.push(...page.items.map((item) => item.key))
    }

    expect(keys).toEqual(
      Array.from({ length: 25 }, (_, index) => `${prefix}${String(index).padStart(6, '0')}`),
    )
    expect((await storage().list(prefix)).items).toHaveLength(20)
  })

  test('a page after the last key is empty', async () => {
    const prefix = freshPrefix()
    await fill(storage(), prefix, 2)

    expect(await storage().list(prefix, { startAfter: `${prefix}zzz` })).toMatchObject({
      items: [],
      remaining: 0,
    })
    expect(await storage().list(prefix, { startAfter: '~' })).toMatchObject({ items: [], remaining: 0 })
  })

  test('a listing and a read at a revision that is still to come are refused', async () => {
    const prefix = freshPrefix()
    const revision = (await storage().currentRevision()) + 1000

    expect(await failure(storage().list(prefix, { revision }))).toMatchObject({ code: 'future-revision' })
    expect(await failure(storage().get(prefix, { revision }))).toMatchObject({ code: 'future-revision' })
  })

  test('the current revision is that of the last write', async () => {
    const { revision } = await storage().create(`${freshPrefix()}a`, Buffer.from('x'))

    expect(await storage().currentRevision()).toBeGreaterThanOrEqual(revision)
  })
}

function watchTests(storage: () => Storage): void {
  test('a watch replays what came after its revision and goes on with what comes', async () => {
    const prefix = freshPrefix()
    const first = await storage().create(`${prefix}a`, Buffer.from('1'))
    const second = await storage().update(`${prefix}a`, Buffer.from('2'), first.revision)

    const collected = collect(storage(), { prefix, afterRevision: first.revision }, 3)
    const deleted = await storage().delete(`${prefix}a`, second.revision)
    const again = await storage().create(`${prefix}a`, Buffer.from('3'))

    expect(await collected).toEqual([
      { type: 'put', key: `${prefix}a`, value: Buffer.from('2'), revision: second.revision, created: false },
      { type: 'delete', key: `${prefix}a`, revision: deleted },
      { type: 'put', key: `${prefix}a`, value: Buffer.from('3'), revision: again.revision, created: true },
    ])
  })

  test('a watch sees its prefix only', async () => {
    const prefix = freshPrefix()
    const afterRevision = await storage().currentRevision()
    await storage().create(`${freshPrefix()}other`, Buffer.from('x'))
    await storage().create(`${prefix}mine`, Buffer.from('x'))

    const events = await collect(storage(), { prefix, afterRevision }, 1)

    expect(events.map((event) => event.key)).toEqual([`${prefix}mine`])
  })

  test('a watch of everything sees every revision', async () => {
    const afterRevision = await storage().currentRevision()
    const collected = collect(storage(), { prefix: '', afterRevision }, 30)
    await fill(storage(), freshPrefix(), 15)
    await fill(storage(), freshPrefix(), 15)

    const revisions = (await collected).map((event) => event.revision)

    expect(revisions).toEqual(Array.from({ length: 30 }, (_, index) => afterRevision + 1 + index))
  })

  test('an aborted watch ends, and so does one that was aborted before', async () => {
    const stop = new AbortController()
    const ended = (async () => {
      for await (const batch of storage().watch(
        freshPrefix(),
        await storage().currentRevision(),
        stop.signal,
      )) {
        throw new Error(`unexpected ${JSON.stringify(batch)}`)
      }
      return true
    })()
    await storage().create(`${freshPrefix()}a`, Buffer.from('x'))
    stop.abort()

    expect(await ended).toBe(true)
    for await (const _ of storage().watch('', 0, stop.signal)) throw new Error('unexpected batch')
  })

  test('a slow reader gets every event', async () => {
    const prefix = freshPrefix()
    const afterRevision = await storage().currentRevision()
    const stop = new AbortController()
    const seen: number[] = []
    const reading = (async () => {
      for await (const batch of storage().watch(prefix, afterRevision, stop.signal)) {
        seen.push(...batch.events.map((event) => event.revision))
        if (seen.length >= 1500) stop.abort()
        // Holds the loop up for as long as a few writes take.
        await storage().currentRevision()
      }
    })()
    await fill(storage(), prefix, 1500)
    await reading

    expect(new Set(seen).size).toBe(1500)
    expect(seen.every((revision, index) => index === 0 || revision > (seen[index - 1] ?? 0))).toBe(true)
  })
}

function historyTests(storage: () => Storage): void {
  test('an old revision is readable until it is compacted', async () => {
    const prefix = freshPrefix()
    const first = await storage().create(`${prefix}a`, Buffer.from('1'))
    const second = await storage().update(`${prefix}a`, Buffer.from('2'), first.revision)
    expect((await storage().get(`${prefix}a`, { revision: first.revision })).item).toEqual(first)

    await storage().compact(second.revision)

    const options = { revision: first.revision }
    expect(await failure(storage().get(`${prefix}a`, options))).toMatchObject({ code: 'compacted' })
    expect(await failure(storage().list(prefix, options))).toMatchObject({ code: 'compacted' })
    expect((await storage().get(`${prefix}a`, { revision: second.revision })).item).toEqual(second)
  })

  test('a watch from the compacted revision works, one from before is refused', async () => {
    const prefix = freshPrefix()
    const created = await storage().create(`${prefix}a`, Buffer.from('1'))
    const deleted = await storage().delete(`${prefix}a`, created.revision)
    const again = await storage().create(`${prefix}a`, Buffer.from('2'))

    await storage().compact(deleted)

    const events = await collect(storage(), { prefix, afterRevision: deleted }, 1)
    expect(events).toMatchObject([{ type: 'put', revision: again.revision, created: true }])
    // The second starts at the compacted revision itself, the deletion, which no longer is in the history.
    for (const afterRevision of [created.revision - 1, created.revision]) {
      expect(await failure(collect(storage(), { prefix, afterRevision }, 1))).toMatchObject({
        code: 'compacted',
      })
    }
  })

  test('a running watch misses nothing when history behind it is compacted', async () => {
    const prefix = freshPrefix()
    const first = await storage().create(`${prefix}a`, Buffer.from('1'))
    const collected = collect(storage(), { prefix, afterRevision: first.revision }, 3)
    const second = await storage().update(`${prefix}a`, Buffer.from('2'), first.revision)
    await storage().compact(first.revision)
    const third = await storage().update(`${prefix}a`, Buffer.from('3'), second.revision)
    const deleted = await storage().delete(`${prefix}a`, third.revision)

    expect((await collected).map((event) => event.revision)).toEqual([
      second.revision,
      third.revision,
      deleted,
    ])
  })

  test('a watch from a revision that never was is refused like a compacted one', async () => {
    const afterRevision = (await storage().currentRevision()) + 1000

    const error = await failure(collect(storage(), { prefix: freshPrefix(), afterRevision }, 1))

    expect(error).toMatchObject({ code: 'compacted' })
  })

  test('compacting twice to one revision, or beyond the present, is refused', async () => {
    const { revision } = await storage().create(`${freshPrefix()}a`, Buffer.from('x'))
    await storage().compact(revision)

    expect(await failure(storage().compact(revision))).toMatchObject({ code: 'compacted' })
    expect(await failure(storage().compact(revision + 1000))).toMatchObject({ code: 'future-revision' })
  })
}
