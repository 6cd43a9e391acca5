import { describe, expect, test } from 'vitest'
import type { Attributes, Authorizer, Decision } from '../../../../apiserver/authorization/authorizer.ts'
import { authorizerOfModes } from '../../../../apiserver/authorization/authorization-modes.ts'
import { unionAuthorizer } from '../../../../apiserver/authorization/union-authorizer.ts'
import { attributes } from './attributes.ts'

const allow: Decision = { allowed: true, reason: 'because' }
const deny: Decision = { allowed: false, denied: true, reason: 'never' }
const noOpinion: Decision = { allowed: false, reason: 'not mine' }

describe('unionAuthorizer', () => {
  test.each([
    { name: 'the first that allows decides', decisions: [noOpinion, allow, deny], expected: allow },
    { name: 'the first that denies decides', decisions: [noOpinion, deny, allow], expected: deny },
    {
      name: 'without a decision it is no, with all reasons',
      decisions: [noOpinion, { allowed: false, reason: '' }, { allowed: false, reason: 'nor mine' }],
      expected: { allowed: false, reason: 'not mine\nnor mine' },
    },
  ])('$name', async ({ decisions, expected }) => {
    const union = unionAuthorizer(decisions.map(saying))

    expect(await authorize(union, attributes({}))).toEqual(expected)
  })

  test('one that fails leaves the decision to the others', async () => {
    const union = unionAuthorizer([failing('broken'), saying(allow)])

    expect(await authorize(union, attributes({}))).toEqual(allow)
  })

  test('failures are told when nobody decides', async () => {
    const union = unionAuthorizer([failing('one'), saying(noOpinion), failing('two')])

    await expect(authorize(union, attributes({}))).rejects.toThrow('one, two')
  })

  test('rules are those of all, incomplete when one is', async () => {
    const union = unionAuthorizer([saying(allow), failing('broken')])

    expect(await union.rulesFor({ name: 'ann', groups: [] }, 'default')).toEqual({
      rules: [],
      incomplete: true,
      evaluationError: 'broken',
    })
  })
})

describe('authorizerOfModes', () => {
  const makers = {
    Node: async () => saying(noOpinion),
    RBAC: async () => saying(allow),
    Webhook: async () => saying(deny),
  }

  test('asks in the given order', async () => {
    expect(await authorize(await authorizerOfModes(['RBAC', 'Webhook'], makers), attributes({}))).toEqual(
      allow,
    )
    expect(await authorize(await authorizerOfModes(['Webhook', 'RBAC'], makers), attributes({}))).toEqual(
      deny,
    )
  })

  test('system:masters pass whatever the modes say', async () => {
    const authorizer = await authorizerOfModes(['AlwaysDeny'], makers)
    const masters = attributes({ user: { name: 'root', groups: ['system:masters'] } })

    expect((await authorize(authorizer, masters)).allowed).toBe(true)
    expect(await authorize(authorizer, attributes({}))).toEqual({
      allowed: false,
      reason: 'Everything is forbidden.',
    })
  })
})

function authorize(authorizer: Authorizer, wanted: Attributes) {
  return authorizer.authorize(wanted, AbortSignal.timeout(10_000))
}

function saying(decision: Decision): Authorizer {
  return { authorize: async () => decision, rulesFor: async () => ({ rules: [], incomplete: false }) }
}

function failing(message: string): Authorizer {
  return {
    async authorize() {
      throw new Error(message)
    },
    rulesFor: async () => ({ rules: [], incomplete: true, evaluationError: message }),
  }
}
