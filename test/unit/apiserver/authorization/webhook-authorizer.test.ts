import { describe, expect, test } from 'vitest'
import { WebhookAuthorizer } from '../../../../apiserver/authorization/webhook-authorizer.ts'
import { WebhookError } from '../../../../apiserver/webhook/webhook-error.ts'
import type { Json } from '../../../../crds/meta/json.ts'
import { manualClock } from '../../../support/clock.ts'
import { attributes } from './attributes.ts'

const user = { name: 'ann', uid: '7', groups: ['people'], extra: { team: ['x'] } }

function setup(answers: (Json | Error)[]) {
  const clock = manualClock()
  const asked: Json[] = []
  const client = {
    async post(body: object): Promise<Json> {
      asked.push((body as { spec: Json }).spec)
      const answer = answers.shift() ?? null
      if (answer instanceof Error) throw answer
      return { status: answer }
    },
  }
  const authorizer = new WebhookAuthorizer({ client, clock, authorizedTtlMs: 5000, unauthorizedTtlMs: 1000 })
  const ask = (more: object = {}) =>
    authorizer.authorize(attributes({ user, ...more }), AbortSignal.timeout(10_000))
  return { clock, asked, ask, authorizer }
}

describe('WebhookAuthorizer', () => {
  test('asks with who wants what', async () => {
    const { asked, ask } = setup([{ allowed: true }, { allowed: true }])
    await ask()
    await ask({ isResource: false, verb: 'get', path: '/metrics', user: { name: 'bob', groups: [] } })

    expect(asked).toEqual([
      {
        resourceAttributes: {
          namespace: 'default',
          verb: 'get',
          version: 'v1',
          resource: 'configmaps',
          name: 'one',
        },
        user: 'ann',
        uid: '7',
        groups: ['people'],
        extra: { team: ['x'] },
      },
      { nonResourceAttributes: { path: '/metrics', verb: 'get' }, user: 'bob' },
    ])
  })

  test.each([
    { status: { allowed: true, reason: 'fine' }, decision: { allowed: true, reason: 'fine' } },
    { status: { allowed: false, reason: 'hm' }, decision: { allowed: false, reason: 'hm' } },
    { status: { allowed: false, denied: true }, decision: { allowed: false, denied: true, reason: '' } },
    { status: null, decision: { allowed: false, reason: '' } },
  ])('$status means $decision', async ({ status, decision }) => {
    expect(await setup([status]).ask()).toEqual(decision)
  })

  test('yes and no at the same time is an error', async () => {
    await expect(setup([{ allowed: true, denied: true }]).ask()).rejects.toThrow('both allow and deny')
  })

  test('remembers a yes for longer than a no', async () => {
    const { clock, asked, ask } = setup([{ allowed: true }, { allowed: false }, { allowed: false }])
    await ask()
    await ask({ name: 'two' })
    await clock.advance(2000)
    await ask()
    expect(asked).toHaveLength(2)
    await ask({ name: 'two' })
    expect(asked).toHaveLength(3)
    await clock.advance(4000)
    expect((await ask()).allowed).toBe(false)
    expect(asked).toHaveLength(4)
  })

  test('asks again when that may help, and says what is wrong in the end', async () => {
    const busy = new WebhookError('status', 'busy', { code: 503 })
    const { clock, asked, ask } = setup([busy, { allowed: true }, busy, busy, busy])
    const first = ask()
    await clock.timerSet()
    await clock.advance(1000)
    expect((await first).allowed).toBe(true)

    const refused = ask({ name: 'two' }).catch((error: unknown) => error)
    await clock.timerSet()
    await clock.advance(1000)
    await clock.timerSet()
    await clock.advance(1000)
    expect(await refused).toBe(busy)
    expect(asked).toHaveLength(5)
  })

  test('an answer that will not change is not asked for again', async () => {
    const { asked, ask } = setup([new WebhookError('status', 'no', { code: 403 })])
    await expect(ask()).rejects.toThrow('no')
    expect(asked).toHaveLength(1)
  })
})
