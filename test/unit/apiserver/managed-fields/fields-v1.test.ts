import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { FieldSet } from '../../../../apiserver/managed-fields/field-set.ts'
import { fromFieldsV1, toFieldsV1 } from '../../../../apiserver/managed-fields/fields-v1.ts'
import {
  fieldElement,
  keyElement,
  printPath,
  valueElement,
} from '../../../../apiserver/managed-fields/path-element.ts'
import type { JsonObject } from '../../../../crds/meta/json.ts'

const element = fc.oneof(
  fc.constantFrom('a', 'b', 'c', '', '.', 'x.y/z').map(fieldElement),
  fc.constantFrom('p', 'q').map((name) => keyElement({ name })),
  fc.record({ port: fc.nat(9), protocol: fc.constantFrom('TCP', 'UDP') }).map((keys) => keyElement(keys)),
  fc.oneof(fc.string(), fc.integer(), fc.boolean()).map(valueElement),
)
const path = fc.array(element, { minLength: 1, maxLength: 4 })
const set = fc.array(path, { maxLength: 8 }).map((paths) => FieldSet.of(...paths))
const text = (fields: FieldSet) => [...fields.paths()].map((steps) => steps.join(' ')).toSorted()

describe('FieldsV1', () => {
  test('is read and written without loss', () => {
    fc.assert(
      fc.property(set, (fields) => {
        const written = JSON.parse(JSON.stringify(toFieldsV1(fields))) as JsonObject
        expect(fromFieldsV1(written).equals(fields)).toBe(true)
      }),
    )
  })

  test('marks a path that is in the set and goes on', () => {
    const fields = FieldSet.of(['f:a'], ['f:a', 'f:b'], ['f:c', 'v:"x"'])
    expect(toFieldsV1(fields)).toEqual({ 'f:a': { '.': {}, 'f:b': {} }, 'f:c': { 'v:"x"': {} } })
  })

  test('lists fields before keys before values, keys by content', () => {
    const fields = FieldSet.of(['v:1'], ['k:{"port":443}'], ['k:{"port":80}'], ['f:b'], ['f:a'])
    expect(Object.keys(toFieldsV1(fields))).toEqual(['f:a', 'f:b', 'k:{"port":80}', 'k:{"port":443}', 'v:1'])
  })

  test('reads keys in any order and spacing as the same element', () => {
    const fields = fromFieldsV1({
      'k:{ "b": 1, "a": 2 }': { '.': {}, 'f:x': {} },
      'k:{"a":2,"b":1}': { 'f:y': {} },
    })
    expect(toFieldsV1(fields)).toEqual({ 'k:{"a":2,"b":1}': { '.': {}, 'f:x': {}, 'f:y': {} } })
  })

  test('ignores elements of unknown kinds', () => {
    expect(toFieldsV1(fromFieldsV1({ 'z:future': {}, 'f:a': {} }))).toEqual({ 'f:a': {} })
  })

  test('paths print as Kubernetes prints them', () => {
    expect(printPath(['f:spec', 'k:{"name":"a\\"b","port":80}', 'v:true', 'i:3'])).toBe(
      '.spec[name="a\\"b",port=80][=true][3]',
    )
  })
})

describe('sets of fields', () => {
  test('obey the laws of sets', () => {
    fc.assert(
      fc.property(set, set, (a, b) => {
        const [inA, inB] = [new Set(text(a)), new Set(text(b))]
        expect(text(a.union(b))).toEqual([...inA.union(inB)].toSorted())
        expect(text(a.intersection(b))).toEqual([...inA.intersection(inB)].toSorted())
        expect(text(a.difference(b))).toEqual([...inA.difference(inB)].toSorted())
      }),
    )
  })

  test('a recursive difference takes everything below a path too', () => {
    fc.assert(
      fc.property(set, set, (a, b) => {
        const gone = [...b.paths()].map((steps) => steps.join(' '))
        const want = text(a).filter(
          (one) => !gone.some((prefix) => one === prefix || one.startsWith(`${prefix} `)),
        )
        expect(text(a.recursiveDifference(b))).toEqual(want)
      }),
    )
  })
})
