import { expect, test, vi } from 'vitest'
import { StatusError } from '../../../../apimachinery/status-error.ts'
import {
  anyOfTokens,
  TokenError,
  type TokenAuthenticator,
  type TokenBearer,
} from '../../../../apiserver/authentication/token-authenticator.ts'
import { cachedTokens, RecentlyUsed } from '../../../../apiserver/authentication/token-cache.ts'
import { manualClock } from '../../../support/clock.ts'

const bearer: TokenBearer = { user: { name: 'eve', groups: [] }, audiences: ['api'] }

function cached(check: TokenAuthenticator, limit = 100) {
  const clock = manualClock()
  return { clock, ask: cachedTokens(check, { clock, successMs: 10_000, failureMs: 2000, limit }) }
}

test('a good token is believed for its time', async () => {
  const check = vi.fn<TokenAuthenticator>(async () => bearer)
  const { ask, clock } = cached(check)
  for (let index = 0; index < 5; index++) expect(await ask('t', ['api'])).toBe(bearer)
  expect(check).toHaveBeenCalledTimes(1)
  await clock.advance(10_001)
  await ask('t', ['api'])
  expect(check).toHaveBeenCalledTimes(2)
})

test('requests at the same time share one look', async () => {
  const check = vi.fn<TokenAuthenticator>(async () => bearer)
  const { ask } = cached(check)
  await Promise.all([ask('t', ['api']), ask('t', ['api']), ask('u', ['api'])])
  expect(check).toHaveBeenCalledTimes(2)
})

test('other audiences are another question', async () => {
  const check = vi.fn<TokenAuthenticator>(async (_token, [audience]) =>
    audience === 'api' ? bearer : undefined,
  )
  const { ask } = cached(check)
  expect(await ask('t', ['api'])).toBe(bearer)
  expect(await ask('t', ['vault'])).toBeUndefined()
})

test('a bad token is refused for its time, a look that failed is forgotten', async () => {
  const errors = [new TokenError('bad'), new TokenError('down', { transient: true }), new Error('bug')]
  const check = vi.fn<TokenAuthenticator>(async (token) => {
    throw errors[Number(token)] ?? new Error()
  })
  const { ask, clock } = cached(check)
  for (const token of ['0', '1', '2']) {
    for (let index = 0; index < 2; index++)
      await expect(ask(token, ['api'])).rejects.toBe(errors[Number(token)])
  }
  expect(check.mock.calls.map(([token]) => token)).toEqual(['0', '1', '1', '2', '2'])
  await clock.advance(2001)
  await expect(ask('0', ['api'])).rejects.toThrow('bad')
  expect(check).toHaveBeenCalledTimes(6)
})

test('the cache forgets what was not used for longest', () => {
  const values = new RecentlyUsed<number>(2)
  values.set('a', 1)
  values.set('b', 2)
  values.get('a')
  values.set('c', 3)
  expect(['a', 'b', 'c'].map((key) => values.get(key))).toEqual([1, undefined, 3])
})

test('the first that knows a token decides; what all others found wrong is told together', async () => {
  const refuse =
    (message: string): TokenAuthenticator =>
    async () => {
      throw new TokenError(message)
    }
  const silent: TokenAuthenticator = async () => undefined
  expect(await anyOfTokens([silent, refuse('a'), async () => bearer])('t', [])).toBe(bearer)
  expect(await anyOfTokens([silent, silent])('t', [])).toBeUndefined()
  await expect(anyOfTokens([refuse('a'), silent])('t', [])).rejects.toThrow(new TokenError('a'))
  await expect(anyOfTokens([refuse('a'), refuse('b')])('t', [])).rejects.toThrow(new TokenError('[a, b]'))
  const down: TokenAuthenticator = async () => {
    throw new StatusError('ServiceUnavailable', 'down')
  }
  await expect(anyOfTokens([down, async () => bearer])('t', [])).rejects.toThrow('down')
})
