import { expect, test } from 'vitest'
import type { Storage } from '../../apiserver/storage/storage.ts'
import { isStorageError } from '../../apiserver/storage/storage.ts'
import { collect, failure, freshPrefix } from './storage-probes.ts'

/** What single keys do: reads, writes, conflicts, sizes, TTLs. */
export function keyTests(storage: () => Storage): void {
  test('a created key is read back with its revision', async () => {
    const key = `${freshPrefix()}a`

    const created = await storage().create(key, Buffer.from('one'))

    const { item, revision } = await storage().get(key)
    expect(item).toEqual({ key, value: Buffer.from('one'), revision: created.revision })
    expect(revision).toBeGreaterThanOrEqual(created.revision)
  })

  test('a missing key reads as undefined', async () => {
    expect((await storage().get(`${freshPrefix()}none`)).item).toBeUndefined()
  })

  test('creating a key that exists tells what is there', async () => {
    const key = `${freshPrefix()}a`
    const created = await storage().create(key, Buffer.from('one'))

    const error = await failure(storage().create(key, Buffer.from('two')))

    expect(error).toMatchObject({ code: 'key-exists', current: created })
  })

  test('of many concurrent creates of one key exactly one wins', async () => {
    const key = `${freshPrefix()}a`

    const results = await Promise.allSettled(
      Array.from({ length: 20 }, (_, index) => storage().create(key, Buffer.from(`${index}`))),
    )

    const won = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
    expect(won).toHaveLength(1)
    expect((await storage().get(key)).item).toEqual(won[0])
  })

  test('an update at the expected revision moves the revision on', async () => {
    const key = `${freshPrefix()}a`
    const created = await storage().create(key, Buffer.from('one'))

    const updated = await storage().update(key, Buffer.from('two'), created.revision)

    expect(updated.revision).toBeGreaterThan(created.revision)
    expect((await storage().get(key)).item).toEqual(updated)
  })

  test('an update at another revision is refused with what is there', async () => {
    const key = `${freshPrefix()}a`
    const created = await storage().create(key, Buffer.from('one'))
    const updated = await storage().update(key, Buffer.from('two'), created.revision)

    const error = await failure(storage().update(key, Buffer.from('three'), created.revision))

    expect(error).toMatchObject({ code: 'revision-conflict', current: updated })
  })

  test.each([0, 1])('an update of a missing key at revision %d is refused', async (revision) => {
    const key = `${freshPrefix()}a`

    const error = await failure(storage().update(key, Buffer.from('one'), revision))

    expect(error).toMatchObject({ code: 'revision-conflict', current: undefined })
    expect((await storage().get(key)).item).toBeUndefined()
  })

  test('of many concurrent updates from one revision exactly one wins', async () => {
    const key = `${freshPrefix()}a`
    const { revision } = await storage().create(key, Buffer.from('start'))

    const results = await Promise.allSettled(
      Array.from({ length: 20 }, (_, index) => storage().update(key, Buffer.from(`${index}`), revision)),
    )

    expect(results.filter((result) => result.status === 'fulfilled')).toHaveLength(1)
    expect(
      results.every(
        (result) => result.status === 'fulfilled' || isStorageError(result.reason, 'revision-conflict'),
      ),
    ).toBe(true)
  })

  test('a delete at the expected revision removes the key', async () => {
    const key = `${freshPrefix()}a`
    const created = await storage().create(key, Buffer.from('one'))

    const revision = await storage().delete(key, created.revision)

    expect(revision).toBeGreaterThan(created.revision)
    expect((await storage().get(key)).item).toBeUndefined()
  })

  test('a delete at another revision is refused with what is there', async () => {
    const key = `${freshPrefix()}a`
    const created = await storage().create(key, Buffer.from('one'))

    const error = await failure(storage().delete(key, created.revision - 1))

    expect(error).toMatchObject({ code: 'revision-conflict', current: created })
  })

  test('bytes are kept as they are, whatever they are', async () => {
    const key = `${freshPrefix()}a`
    const value = Buffer.from([0, 255, 107, 56, 115, 0, 10, 200])

    await storage().create(key, value)

    expect((await storage().get(key)).item?.value).toEqual(value)
  })

  test('a value of 1.4 MB is stored, one of 1.6 MB and one of 3 MB are too large', async () => {
    const prefix = freshPrefix()
    const { revision } = await storage().create(`${prefix}fits`, Buffer.alloc(1_400_000))

    expect(await failure(storage().create(`${prefix}a`, Buffer.alloc(1_600_000)))).toMatchObject({
      code: 'too-large',
    })
    expect(await failure(storage().create(`${prefix}b`, Buffer.alloc(3_000_000)))).toMatchObject({
      code: 'too-large',
    })
    expect(await failure(storage().update(`${prefix}fits`, Buffer.alloc(1_600_000), revision))).toMatchObject(
      {
        code: 'too-large',
      },
    )
    expect((await storage().list(prefix)).items).toHaveLength(1)
  })

  test('a key with a TTL goes away by itself, and one that was rewritten without stays', async () => {
    const prefix = freshPrefix()
    const short = await storage().create(`${prefix}short`, Buffer.from('x'), { ttlSeconds: 1 })
    const kept = await storage().create(`${prefix}kept`, Buffer.from('x'), { ttlSeconds: 1 })
    const rewritten = await storage().update(`${prefix}kept`, Buffer.from('y'), kept.revision)

    const events = await collect(storage(), { prefix, afterRevision: rewritten.revision }, 1)

    expect(events).toEqual([{ type: 'delete', key: short.key, revision: expect.any(Number) }])
    expect((await storage().list(prefix)).items).toEqual([rewritten])
  })

  test('an aborted signal refuses the call', async () => {
    const key = `${freshPrefix()}a`
    const reason = new Error('not any more')

    expect(await failure(storage().create(key, Buffer.from('x'), AbortSignal.abort(reason)))).toBe(reason)
    expect((await storage().get(key)).item).toBeUndefined()
  })
}
