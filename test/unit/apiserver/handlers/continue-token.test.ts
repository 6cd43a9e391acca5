import fc from 'fast-check'
import { expect, test } from 'vitest'
import { StatusError } from '../../../../apimachinery/status-error.ts'
import { decodeContinue, encodeContinue } from '../../../../apiserver/handlers/continue-token.ts'

test('a token reads back', () => {
  expect(decodeContinue(encodeContinue({ revision: 7, after: 'default/x' }))).toEqual({
    revision: 7,
    after: 'default/x',
  })
  expect(decodeContinue(encodeContinue({ revision: undefined, after: 'x' }))).toEqual({
    revision: undefined,
    after: 'x',
  })
})

test.each([
  { v: 'meta.k8s.io/v1', rv: 1, start: '../secrets/x' },
  { v: 'meta.k8s.io/v1', rv: 1, start: '' },
  { v: 'meta.k8s.io/v1', rv: 0, start: 'x' },
  { v: 'meta.k8s.io/v1', rv: 1.5, start: 'x' },
  { v: 'meta.k8s.io/v2', rv: 1, start: 'x' },
  null,
])('%j is not taken', (token) => {
  const text = Buffer.from(JSON.stringify(token)).toString('base64url')
  expect(() => decodeContinue(text)).toThrow('continue key is not valid')
})

function faultOf(text: string): unknown {
  try {
    decodeContinue(text)
  } catch (error) {
    if (!(error instanceof StatusError)) return error
  }
  return 'none or a Status'
}

test('any text is a token or a bad request', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      expect(faultOf(text)).toBe('none or a Status')
    }),
  )
})
