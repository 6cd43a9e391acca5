import { expect, test } from 'vitest'
import { EventQueue } from '../../../../node-daemon/hypervisor/event-queue.ts'
import type { HypervisorEvent } from '../../../../node-daemon/hypervisor/hypervisor.ts'

const about = (uuid: string): HypervisorEvent => ({ type: 'domain', uuid })

test('events added before anyone asks are delivered in order', async () => {
  const queue = new EventQueue(new AbortController().signal)
  queue.add(about('a'))
  queue.add(about('b'))

  expect((await queue.next()).value).toEqual(about('a'))
  expect((await queue.next()).value).toEqual(about('b'))
})

test('two outstanding reads get one event each', async () => {
  const queue = new EventQueue(new AbortController().signal)
  const reads = [queue.next(), queue.next()]
  queue.add(about('a'))
  queue.add(about('b'))

  expect((await Promise.all(reads)).map((read) => read.value as HypervisorEvent)).toEqual([
    about('a'),
    about('b'),
  ])
})

test('a consumer that fell behind the limit gets one resync for all it missed', async () => {
  const queue = new EventQueue(new AbortController().signal, { limit: 2 })
  for (const uuid of ['a', 'b', 'c', 'd']) queue.add(about(uuid))

  expect((await queue.next()).value).toEqual({ type: 'resync' })
  expect((await queue.next()).value).toEqual(about('d'))
})

test('aborting ends waiting and later reads, and says so once', async () => {
  const controller = new AbortController()
  let ended = 0
  const queue = new EventQueue(controller.signal, { onEnd: () => (ended += 1) })
  const waiting = queue.next()
  controller.abort()
  queue.add(about('a'))

  expect(await waiting).toEqual({ done: true, value: undefined })
  expect(await queue.next()).toEqual({ done: true, value: undefined })
  await queue.return()
  expect(ended).toBe(1)
})

test('a queue made with an aborted signal is over from the start', async () => {
  const queue = new EventQueue(AbortSignal.abort())
  queue.add(about('a'))
  expect((await queue.next()).done).toBe(true)
})

test('leaving a for-await loop ends the queue', async () => {
  let ended = false
  const queue = new EventQueue(new AbortController().signal, { onEnd: () => (ended = true) })
  queue.add(about('a'))
  for await (const event of queue) {
    expect(event).toEqual(about('a'))
    break
  }
  expect(ended).toBe(true)
})
