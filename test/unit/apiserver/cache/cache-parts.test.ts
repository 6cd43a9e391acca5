import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import type { CachedObject } from '../../../../apiserver/cache/cache.ts'
import { cachedView } from '../../../../apiserver/cache/cached-object.ts'
import { ParsedObjects } from '../../../../apiserver/cache/parsed-objects.ts'
import { RevisionLog } from '../../../../apiserver/cache/revision-log.ts'
import { RevisionWaiters } from '../../../../apiserver/cache/revision-waiters.ts'
import { SharedRead } from '../../../../apiserver/cache/shared-read.ts'
import { SortedItems } from '../../../../apiserver/cache/sorted-items.ts'

describe('sorted items', () => {
  test('behave as a map that is sorted when it is listed', () => {
    const key = fc.constantFrom('/a/1', '/a/2', '/a/10', '/b/1', '/b/', '/a', '/c/x')
    const step = fc.record({ key, set: fc.boolean() })
    fc.assert(
      fc.property(fc.array(step), fc.constantFrom('', '/', '/a/', '/b/', '/z'), (steps, prefix) => {
        const items = new SortedItems()
        const model = new Map<string, CachedObject>()
        steps.forEach((step, revision) => {
          if (step.set) {
            const item = cachedView({ key: step.key, object: {}, json: Buffer.from(''), revision })
            items.set(item)
            model.set(step.key, item)
          } else {
            items.delete(step.key)
            model.delete(step.key)
          }
        })

        const expected = [...model.values()].filter((item) => item.key.startsWith(prefix))
        expect(items.list(prefix)).toEqual(expected.toSorted((one, other) => (one.key < other.key ? -1 : 1)))
        expect(items.size).toBe(model.size)
        for (const [name, item] of model) expect(items.get(name)).toBe(item)
      }),
    )
  })
})

describe('parsed objects', () => {
  const parsed = (size: number) => ({ size, held: true, forget: vi.fn() })

  test('are forgotten oldest first when they are too much together', () => {
    const objects = new ParsedObjects(100)
    const all = Array.from({ length: 50 }, () => parsed(30))

    for (const object of all) objects.hold(object)

    expect(all.map(({ forget }) => forget.mock.calls.length)).toEqual([...Array(47).fill(1), 0, 0, 0])
  })

  test('are not kept when one alone is too much', () => {
    const objects = new ParsedObjects(100)
    const large = parsed(101)

    objects.hold(large)

    expect(large.forget).toHaveBeenCalledOnce()
  })
})

describe('a revision log', () => {
  const log = () => {
    const entries = new RevisionLog<number>(1, {
      revisionOf: (revision) => revision,
      sizeOf: (revision) => revision,
    })
    for (const revision of [2, 3, 5, 8]) entries.push(revision)
    return entries
  }

  test('gives what came after a revision', () => {
    const entries = log()

    expect(entries.from(entries.placeAfter(3))).toEqual([5, 8])
    expect(entries.from(entries.placeAfter(4), 1)).toEqual([5])
    expect(entries.from(entries.placeAfter(8))).toEqual([])
  })

  test('keeps places valid while older entries go, and says when they are gone', () => {
    const entries = log()
    const early = entries.placeAfter(2)
    const late = entries.placeAfter(3)

    entries.trim({ entries: 2, bytes: 100 })

    expect(entries.start).toBe(3)
    expect(entries.from(late)).toEqual([5, 8])
    expect(entries.from(early)).toBeUndefined()
  })

  test('keeps no more bytes than it may', () => {
    const entries = log()

    entries.trim({ entries: 100, bytes: 15 })
    expect(entries.start).toBe(1)
    entries.trim({ entries: 100, bytes: 13 })
    expect(entries.from(entries.placeAfter(entries.start))).toEqual([5, 8])
    entries.push(5)
    entries.trim({ entries: 100, bytes: 5 })
    expect(entries.length).toBe(1)
  })

  test('starts anew', () => {
    const entries = log()
    const place = entries.placeAfter(3)

    entries.reset(20)
    entries.push(21)

    expect(entries.start).toBe(20)
    expect(entries.from(place)).toBeUndefined()
    expect(entries.from(entries.placeAfter(20))).toEqual([21])
  })
})

describe('waiters', () => {
  test('are released in order of revision, and by their signals', async () => {
    const waiters = new RevisionWaiters()
    const stop = new AbortController()
    const released: number[] = []
    const wait = (revision: number) =>
      waiters.wait(revision, stop.signal).then(() => void released.push(revision))
    const first = [wait(5), wait(3), wait(4)]
    const last = wait(9)

    waiters.reached(5)
    await Promise.all(first)
    stop.abort(new Error('enough'))

    await expect(last).rejects.toThrow('enough')
    expect(released).toEqual([3, 4, 5])
  })
})

describe('a shared read', () => {
  test('is never answered by a read that began before the question', async () => {
    const pending: ((value: number) => void)[] = []
    const shared = new SharedRead(() => new Promise<number>((resolve) => pending.push(resolve)))
    const early = shared.get()
    const late = [shared.get(), shared.get()]
    expect(pending).toHaveLength(1)

    pending[0]?.(1)
    expect(await early).toBe(1)
    await expect.poll(() => pending.length).toBe(2)
    pending[1]?.(2)

    expect(await Promise.all(late)).toEqual([2, 2])
  })

  test('that fails does not stop the next', async () => {
    let reads = 0
    const shared = new SharedRead(() =>
      ++reads === 1 ? Promise.reject(new Error('not now')) : Promise.resolve(reads),
    )
    const results = await Promise.allSettled([shared.get(), shared.get()])

    expect(results).toMatchObject([{ status: 'rejected' }, { status: 'fulfilled', value: 2 }])
  })
})
