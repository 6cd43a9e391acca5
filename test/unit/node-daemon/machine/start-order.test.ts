import { expect, test } from 'vitest'
import { StartOrder } from '../../../../node-daemon/machine/start-order.ts'
import { manualClock } from '../../../support/clock.ts'
import { aPlacedRun } from '../support.ts'

const aRun = (name: string, startup: { order?: number; delaySeconds?: number }) =>
  aPlacedRun({ metadata: { name }, spec: { virtualMachine: { name, uid: name }, startup } })

const database = aRun('database', { order: 1, delaySeconds: 5 })
const server = aRun('server', { order: 2 })
const other = aRun('other', { order: 2 })
const last = aRun('last', {})
const all = [last, other, server, database]

test('lower numbers start first, those of one number together, after the delay', async () => {
  const clock = manualClock()
  const order = new StartOrder(clock, all)
  expect(order.waitMs(database)).toBe(0)
  for (const waiting of [server, other, last]) expect(order.waitMs(waiting)).toBeGreaterThan(0)

  order.started(database)
  expect(order.waitMs(server)).toBe(5_000)
  await clock.advance(5_000)
  expect(order.waitMs(server)).toBe(0)
  expect(order.waitMs(other)).toBe(0)
  expect(order.waitMs(last)).toBeGreaterThan(0)

  order.started(server)
  order.started(other)
  expect(order.waitMs(last)).toBe(0)
})

test('a machine that does not come back holds the others up for half a minute', async () => {
  const clock = manualClock()
  const order = new StartOrder(clock, [database, server])
  expect(order.waitMs(server)).toBeGreaterThan(0)
  await clock.advance(30_000)
  expect(order.waitMs(server)).toBe(0)
})

test('who did not run then waits for nobody', () => {
  const order = new StartOrder(manualClock(), [database])
  expect(order.waitMs(server)).toBe(0)
})
