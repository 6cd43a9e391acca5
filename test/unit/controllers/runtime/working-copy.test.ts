import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { applyMergePatch } from '../../../../apimachinery/patch/merge-patch.ts'
import { changesOf, mergeDiff, workingCopy } from '../../../../controllers/runtime/working-copy.ts'
import type { Json } from '../../../../crds/meta/json.ts'
import { aDisk } from '../../../support/builders.ts'

const cached = () =>
  aDisk({ metadata: { labels: { a: 'b' }, finalizers: ['one'] }, status: { phase: 'Ready', conditions: [] } })

describe('a working copy', () => {
  test('equals what it was made from', () => {
    const object = cached()

    expect(workingCopy(object)).toEqual(object)
  })

  test('may change finalizers and status without the cache noticing', () => {
    const object = cached()
    const copy = workingCopy(object)

    copy.metadata.finalizers?.push('two')
    copy.status ??= {}
    copy.status.phase = 'Failed'
    copy.status.conditions?.push({
      type: 'x',
      status: 'True',
      reason: 'R',
      message: '',
      lastTransitionTime: '',
    })

    expect(object).toEqual(cached())
  })

  test('refuses a change of anything else at once', () => {
    const copy = workingCopy(cached())

    expect(() => {
      copy.spec.size = '1Ti'
    }).toThrow(TypeError)
    expect(() => {
      copy.spec.storageDomain.name = 'other'
    }).toThrow(TypeError)
    expect(() => {
      Object.assign(copy.metadata.labels ?? {}, { c: 'd' })
    }).toThrow(TypeError)
  })
})

describe('the changes', () => {
  test('are none when nothing was done', () => {
    const object = cached()

    expect(changesOf(object, workingCopy(object))).toEqual({ finalizers: undefined, status: undefined })
  })

  test('are none when finalizers are absent or empty', () => {
    const object = aDisk()
    const copy = workingCopy(object)
    copy.metadata.finalizers = []

    expect(changesOf(object, copy).finalizers).toBeUndefined()
  })

  test('are the finalizers as a whole, and of the status only what differs', () => {
    const object = cached()
    const copy = workingCopy(object)
    copy.metadata.finalizers = []
    copy.status = { ...copy.status, path: '/a' }
    delete copy.status.phase

    expect(changesOf(object, copy)).toEqual({ finalizers: [], status: { path: '/a', phase: null } })
  })

  test.each([
    ['spec', (copy: ReturnType<typeof cached>) => (copy.spec = { ...copy.spec, size: '1Ti' })],
    ['metadata.labels', (copy: ReturnType<typeof cached>) => (copy.metadata.labels = {})],
    ['metadata.annotations', (copy: ReturnType<typeof cached>) => (copy.metadata.annotations = { a: 'b' })],
  ])('include no replaced %s: that is a mistake', (path, change) => {
    const object = cached()
    const copy = workingCopy(object)
    change(copy)

    expect(() => changesOf(object, copy)).toThrow(`a step changed ${path} of its own object`)
  })
})

const json = fc.letrec<{ value: Json; object: Record<string, Json> }>((tie) => ({
  value: fc.oneof(
    fc.string(),
    fc.integer(),
    fc.boolean(),
    fc.array(tie('value'), { maxLength: 3 }),
    tie('object'),
  ),
  object: fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd'), tie('value')),
})).object

test('a merge diff turns one object into the other, and there is none between equals', () => {
  fc.assert(
    fc.property(json, json, (before, after) => {
      const diff = mergeDiff(before, after)
      expect(diff === undefined ? before : applyMergePatch(before, diff)).toEqual(after)
      expect(mergeDiff(before, structuredClone(before))).toBeUndefined()
    }),
  )
})

test('a merge diff creates and removes', () => {
  expect(mergeDiff(undefined, { a: 1 })).toEqual({ a: 1 })
  expect(mergeDiff(undefined, {})).toEqual({})
  expect(mergeDiff({ a: 1 }, undefined)).toBeNull()
  expect(mergeDiff(undefined, undefined)).toBeUndefined()
})
