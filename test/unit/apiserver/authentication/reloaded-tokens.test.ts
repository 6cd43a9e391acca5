import { expect, test, vi } from 'vitest'
import { silentLogger } from '../../../../apimachinery/log.ts'
import { reloadedTokens } from '../../../../apiserver/authentication/reloaded-tokens.ts'
import { manualClock } from '../../../support/clock.ts'

function aFile(first: string) {
  const clock = manualClock()
  const stop = new AbortController()
  const file = { text: first }
  const started: { source: string; signal: AbortSignal }[] = []
  const error = vi.fn<(message: string) => void>()
  const tokens = reloadedTokens(first, {
    clock,
    log: { ...silentLogger, error },
    signal: stop.signal,
    read: async () => file.text,
    build(source, signal) {
      if (source.startsWith('faulty')) throw new Error('faulty')
      started.push({ source, signal })
      return [
        async (token) =>
          token === source ? { user: { name: source, groups: [] }, audiences: [] } : undefined,
      ]
    },
  })
  const nameOf = async (token: string) => (await tokens(token, []))?.user.name
  return { clock, stop, file, started, error, nameOf }
}

test('a change is taken over, and what came before it ends', async () => {
  const { clock, file, started, nameOf } = aFile('one')
  expect(await nameOf('one')).toBe('one')
  file.text = 'two'
  await clock.advance(30_000)
  expect([await nameOf('one'), await nameOf('two')]).toEqual([undefined, 'two'])
  expect(started.map(({ source, signal }) => [source, signal.aborted])).toEqual([
    ['one', true],
    ['two', false],
  ])
})

test('nothing happens while nothing changes, and after the end', async () => {
  const { clock, file, started, stop } = aFile('one')
  await clock.advance(90_000)
  expect(started).toHaveLength(1)
  stop.abort(new Error('stop'))
  file.text = 'two'
  await clock.advance(90_000)
  expect(started).toHaveLength(1)
  expect(started[0]?.signal.aborted).toBe(true)
  expect(clock.pendingTimers()).toEqual([])
})

test('a faulty change is told once and changes nothing; a good one after it counts', async () => {
  const { clock, file, error, nameOf } = aFile('one')
  file.text = 'faulty'
  await clock.advance(90_000)
  expect(await nameOf('one')).toBe('one')
  expect(error).toHaveBeenCalledTimes(1)
  file.text = 'two'
  await clock.advance(30_000)
  expect(await nameOf('two')).toBe('two')
})

test('a first one that is faulty is refused', () => {
  expect(() => aFile('faulty')).toThrow('faulty')
})
