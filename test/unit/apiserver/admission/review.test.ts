import { describe, expect, test } from 'vitest'
import { readReview } from '../../../../apiserver/admission/webhooks/review.ts'
import { denialOf } from '../../../../apiserver/admission/webhooks/webhook-errors.ts'

const patch = Buffer.from('[]').toString('base64')
const review = (response: object, more: object = {}) => ({
  apiVersion: 'admission.k8s.io/v1',
  kind: 'AdmissionReview',
  response: { uid: 'u', allowed: true, ...response },
  ...more,
})
const read = (answer: object, mutating = true, version: 'v1' | 'v1beta1' = 'v1') =>
  readReview(answer as never, { uid: 'u', version, mutating })

describe('an answer', () => {
  test.each<[string, object, boolean]>([
    ['webhook response was absent', {}, true],
    ['expected response.uid="u", got "v"', review({ uid: 'v' }), true],
    [
      'expected webhook response of admission.k8s.io/v1, Kind=AdmissionReview, got admission.k8s.io/v1beta1, Kind=AdmissionReview',
      review({}, { apiVersion: 'admission.k8s.io/v1beta1' }),
      true,
    ],
    ['webhook returned response.patch but not response.patchType', review({ patch }), true],
    ['webhook returned response.patchType but not response.patch', review({ patchType: 'JSONPatch' }), true],
    ['webhook returned invalid response.patchType of ""', review({ patch, patchType: '' }), true],
    ['validating webhook may not return response.patch', review({ patch }), false],
    ['validating webhook may not return response.patchType', review({ patchType: 'JSONPatch' }), false],
  ])('is refused: %s', (problem, answer, mutating) => {
    expect(() => read(answer, mutating)).toThrow(problem)
  })

  test('is read', () => {
    const status = { message: 'no' }
    const answer = review({
      allowed: false,
      status,
      patch,
      patchType: 'JSONPatch',
      warnings: ['w', 3],
      auditAnnotations: { a: 'b', c: 1 },
    })
    expect(read(answer)).toEqual({
      allowed: false,
      status,
      patch: '[]',
      patchType: 'JSONPatch',
      warnings: ['w'],
      annotations: { a: 'b' },
    })
  })

  test('of an old version says less', () => {
    expect(read({ response: { allowed: true, patch } }, true, 'v1beta1')).toMatchObject({
      allowed: true,
      patchType: 'JSONPatch',
    })
  })
})

describe('a denial', () => {
  test.each<[object | undefined, number, string, string | undefined]>([
    [undefined, 400, 'without explanation', undefined],
    [{ reason: 'Because' }, 400, ': Because', 'Because'],
    [{ message: 'no', reason: 'Forbidden', code: 403 }, 403, ': no', 'Forbidden'],
    [{ message: 'no', code: 200 }, 400, ': no', undefined],
  ])('by %j', (status, code, text, reason) => {
    const { message, ...rest } = denialOf('a.b.c', status as never).toStatus()
    expect(message).toBe(
      `admission webhook "a.b.c" denied the request${text.startsWith(':') ? text : ` ${text}`}`,
    )
    expect(rest.code).toBe(code)
    expect(rest.reason).toBe(reason)
  })
})
