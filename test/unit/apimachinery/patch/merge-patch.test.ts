import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { applyMergePatch } from '../../../../apimachinery/patch/merge-patch.ts'
import { jsonEqual } from '../../../../apimachinery/patch/json-equal.ts'
import { isJsonObject, type Json, type JsonObject } from '../../../../crds/meta/json.ts'

/** The table of RFC 7386, appendix A. */
const cases: [Json, Json, Json][] = [
  [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
  [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
  [{ a: 'b' }, { a: null }, {}],
  [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
  [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
  [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
  [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
  [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
  [
    ['a', 'b'],
    ['c', 'd'],
    ['c', 'd'],
  ],
  [{ a: 'b' }, ['c'], ['c']],
  [{ a: 'foo' }, null, null],
  [{ e: null }, { a: 1 }, { e: null, a: 1 }],
  [[1, 2], { a: 'b', c: null }, { a: 'b' }],
  [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
]

describe('merge patch', () => {
  test.each(cases)('%j patched with %j is %j', (doc, patch, want) => {
    const before = JSON.stringify(doc)
    expect(applyMergePatch(doc, patch)).toEqual(want)
    expect(JSON.stringify(doc)).toBe(before)
  })

  test('refuses __proto__', () => {
    expect(() => applyMergePatch({}, JSON.parse('{"a":{"__proto__":{"x":1}}}') as Json)).toThrow('__proto__')
  })

  test('a patch that changes nothing returns the same object', () => {
    const doc = { a: { b: 1 }, c: 'x' }
    expect(applyMergePatch(doc, { a: { b: 1 }, c: 'x', gone: null })).toBe(doc)
  })

  test('applying a patch twice is applying it once', () => {
    const json = (fc.jsonValue({ maxDepth: 3 }) as fc.Arbitrary<Json>).filter(
      (value) => !JSON.stringify(value).includes('__proto__'),
    )
    fc.assert(
      fc.property(json, json, (doc, patch) => {
        const once = applyMergePatch(doc, patch)
        expect(applyMergePatch(once, patch)).toEqual(once)
      }),
    )
  })

  test('the difference of two objects, applied to the first, gives the second', () => {
    const leaf = fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.array(fc.integer(), { maxLength: 3 }))
    const key = fc.stringMatching(/^[a-d]$/)
    const tree = fc.letrec<{ object: JsonObject; value: Json }>((tie) => ({
      object: fc.dictionary(key, tie('value'), { maxKeys: 4 }),
      value: fc.oneof(
        { depthSize: 'small' },
        leaf as fc.Arbitrary<Json>,
        tie('object') as fc.Arbitrary<Json>,
      ),
    })).object
    fc.assert(
      fc.property(tree, tree, (from, to) => {
        expect(applyMergePatch(from, difference(from, to))).toEqual(to)
      }),
    )
  })
})

function difference(from: JsonObject, to: JsonObject): JsonObject {
  const patch: JsonObject = {}
  for (const key of Object.keys(from)) if (!(key in to)) patch[key] = null
  for (const [key, value] of Object.entries(to)) {
    const old = from[key]
    if (jsonEqual(old, value)) continue
    patch[key] = isJsonObject(old) && isJsonObject(value) ? difference(old, value) : (value ?? null)
  }
  return patch
}
