import { expect, test } from 'vitest'
import { SharedTurns, SlicedWork } from '../../../../apiserver/http/loop-turns.ts'

/** Keeps the processor busy, as real work does. */
function work(ms: number): void {
  const until = performance.now() + ms
  while (performance.now() < until);
}

/** Resolves with the number of turns that the event loop has made until `done` is settled. */
async function turnsUntil(done: Promise<unknown>): Promise<number> {
  let turns = 0
  let isOver = false
  void done.finally(() => (isOver = true))
  while (!isOver) {
    turns++
    await new Promise((resolve) => setImmediate(resolve))
  }
  return turns
}

test('the work of many requests is spread over turns, in the order they asked', async () => {
  const turns = new SharedTurns()
  const order: number[] = []
  const request = async (number: number) => {
    await turns.take()
    order.push(number)
    work(3)
  }

  const all = Promise.all(Array.from({ length: 40 }, (_, number) => request(number)))

  // At first they are thought to cost little; soon one or two of them fill a turn.
  expect(await turnsUntil(all)).toBeGreaterThanOrEqual(5)
  expect(order).toEqual(Array.from({ length: 40 }, (_, number) => number))
})

test('a request alone does not wait', () => {
  expect(new SharedTurns().take()).toBeUndefined()
})

test('long work rests when its slice is used up', async () => {
  const sliced = new SlicedWork()
  expect(sliced.due).toBe(false)
  work(6)
  expect(sliced.due).toBe(true)

  expect(await turnsUntil(sliced.rest())).toBeGreaterThanOrEqual(1)

  expect(sliced.due).toBe(false)
})
