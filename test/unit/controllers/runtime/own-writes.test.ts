import { expect, test } from 'vitest'
import { isOlder, OwnWrites } from '../../../../controllers/runtime/own-writes.ts'
import { manualClock } from '../../../support/clock.ts'

test.each([
  ['9', '10', true],
  ['10', '9', false],
  ['10', '10', false],
  ['99999999999999999998', '99999999999999999999', true],
  ['opaque', '10', false],
  ['10', 'opaque', false],
])('%s older than %s: %s', (a, b, expected) => {
  expect(isOlder(a, b)).toBe(expected)
})

test('a pass waits until the cache has our own write', () => {
  const writes = new OwnWrites(manualClock())
  writes.wrote('a', '12')

  expect(writes.waitMs('a', '11')).toBe(30_000)
  expect(writes.waitMs('b', '11')).toBe(0)
  expect(writes.waitMs('a', '12')).toBe(0)
  expect(writes.waitMs('a', '13')).toBe(0)
})

test('what the cache has seen is forgotten, and so is what it has no more', () => {
  const writes = new OwnWrites(manualClock())
  writes.wrote('a', '12')
  writes.wrote('b', '13')
  writes.wrote('c', '14')

  writes.seen('a', '12')
  writes.seen('b', undefined)
  writes.seen('c', '13')

  expect(['a', 'b', 'c'].map((key) => writes.waitMs(key, '1'))).toEqual([0, 0, 30_000])
})

test('a cache that never catches up is not waited for for ever', async () => {
  const clock = manualClock()
  const writes = new OwnWrites(clock)
  writes.wrote('a', '12')

  await clock.advance(29_999)
  expect(writes.waitMs('a', '3')).toBe(1)
  await clock.advance(1)

  expect(writes.waitMs('a', '3')).toBe(0)
})
