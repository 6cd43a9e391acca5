import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { applyJsonPatch } from '../../../../apimachinery/patch/json-patch.ts'
import type { Json } from '../../../../crds/meta/json.ts'

const cases: { name: string; doc: Json; patch: Json; want: Json }[] = [
  {
    name: 'adds an object member',
    doc: { a: 1 },
    patch: [{ op: 'add', path: '/b', value: 2 }],
    want: { a: 1, b: 2 },
  },
  {
    name: 'adds before an array element',
    doc: [1, 3],
    patch: [{ op: 'add', path: '/1', value: 2 }],
    want: [1, 2, 3],
  },
  {
    name: 'appends with -',
    doc: { l: [1] },
    patch: [{ op: 'add', path: '/l/-', value: 2 }],
    want: { l: [1, 2] },
  },
  {
    name: 'removes a member',
    doc: { a: { b: 1, c: 2 } },
    patch: [{ op: 'remove', path: '/a/b' }],
    want: { a: { c: 2 } },
  },
  { name: 'removes an array element', doc: [1, 2, 3], patch: [{ op: 'remove', path: '/1' }], want: [1, 3] },
  {
    name: 'replaces a value',
    doc: { a: 1 },
    patch: [{ op: 'replace', path: '/a', value: null }],
    want: { a: null },
  },
  {
    name: 'replaces the whole document',
    doc: { a: 1 },
    patch: [{ op: 'replace', path: '', value: [] }],
    want: [],
  },
  { name: 'moves a member', doc: { a: 1 }, patch: [{ op: 'move', from: '/a', path: '/b' }], want: { b: 1 } },
  {
    name: 'moves an array element',
    doc: [1, 2, 3],
    patch: [{ op: 'move', from: '/0', path: '/2' }],
    want: [2, 3, 1],
  },
  {
    name: 'copies a value',
    doc: { a: { x: 1 } },
    patch: [
      { op: 'copy', from: '/a', path: '/b' },
      { op: 'add', path: '/b/x', value: 2 },
    ],
    want: { a: { x: 1 }, b: { x: 2 } },
  },
  {
    name: 'passes a test whose keys are in another order',
    doc: { a: { x: 1, y: 2 } },
    patch: [{ op: 'test', path: '/a', value: { y: 2, x: 1 } }],
    want: { a: { x: 1, y: 2 } },
  },
  {
    name: 'unescapes ~1 and ~0',
    doc: { 'a/b~c': 1 },
    patch: [{ op: 'replace', path: '/a~1b~0c', value: 2 }],
    want: { 'a/b~c': 2 },
  },
  {
    name: 'treats the empty key as a key',
    doc: { '': 1 },
    patch: [{ op: 'replace', path: '/', value: 2 }],
    want: { '': 2 },
  },
]

const refusals: { name: string; doc: Json; patch: unknown; reason: string }[] = [
  {
    name: 'a test that fails',
    doc: { a: 1 },
    patch: [{ op: 'test', path: '/a', value: 2 }],
    reason: 'Invalid',
  },
  {
    name: 'a replace of nothing',
    doc: {},
    patch: [{ op: 'replace', path: '/a', value: 2 }],
    reason: 'Invalid',
  },
  { name: 'a remove of nothing', doc: {}, patch: [{ op: 'remove', path: '/a' }], reason: 'Invalid' },
  { name: 'a missing parent', doc: {}, patch: [{ op: 'add', path: '/a/b', value: 1 }], reason: 'Invalid' },
  {
    name: 'an index beyond the end',
    doc: [1],
    patch: [{ op: 'add', path: '/2', value: 1 }],
    reason: 'Invalid',
  },
  {
    name: 'an index with a leading zero',
    doc: [1, 2],
    patch: [{ op: 'remove', path: '/01' }],
    reason: 'Invalid',
  },
  {
    name: 'a move into itself',
    doc: { a: { b: 1 } },
    patch: [{ op: 'move', from: '/a', path: '/a/c' }],
    reason: 'Invalid',
  },
  {
    name: 'inherited members',
    doc: {},
    patch: [{ op: 'copy', from: '/constructor', path: '/x' }],
    reason: 'Invalid',
  },
  {
    name: '__proto__ in a path',
    doc: {},
    patch: [{ op: 'add', path: '/__proto__/x', value: 1 }],
    reason: 'BadRequest',
  },
  {
    name: '__proto__ in a value',
    doc: {},
    patch: [{ op: 'add', path: '/x', value: JSON.parse('{"__proto__":{}}') }],
    reason: 'BadRequest',
  },
  { name: 'an unknown operation', doc: {}, patch: [{ op: 'merge', path: '/x' }], reason: 'BadRequest' },
  { name: 'an operation without a path', doc: {}, patch: [{ op: 'remove' }], reason: 'BadRequest' },
  { name: 'a patch that is no array', doc: {}, patch: {}, reason: 'BadRequest' },
  {
    name: 'too many operations',
    doc: {},
    patch: Array.from({ length: 10_001 }, () => ({ op: 'add', path: '/a', value: 1 })),
    reason: 'BadRequest',
  },
]

describe('JSON patch', () => {
  test.each(cases)('$name', ({ doc, patch, want }) => {
    const before = JSON.stringify(doc)
    expect(applyJsonPatch(doc, patch)).toEqual(want)
    expect(JSON.stringify(doc)).toBe(before)
  })

  test.each(refusals)('refuses $name', ({ doc, patch, reason }) => {
    expect(() => applyJsonPatch(doc, patch)).toThrow(expect.objectContaining({ reason }))
  })

  test('copies that double a document each time are stopped', () => {
    const patch = Array.from({ length: 40 }, (_, i) => ({ op: 'copy', from: '', path: `/k${i}` }))
    expect(() => applyJsonPatch({ a: 1 }, patch)).toThrow(expect.objectContaining({ reason: 'Invalid' }))
  })

  test('a copy of something already changed is independent of it', () => {
    const patch = [
      { op: 'add', path: '/a/x', value: 1 },
      { op: 'copy', from: '/a', path: '/b' },
      { op: 'add', path: '/b/y', value: 2 },
      { op: 'add', path: '/a/z', value: 3 },
    ]
    expect(applyJsonPatch({ a: {} }, patch)).toEqual({ a: { x: 1, z: 3 }, b: { x: 1, y: 2 } })
  })

  test('shares what it leaves alone', () => {
    const doc = { a: { x: 1 }, b: { y: 1 } }
    const result = applyJsonPatch(doc, [{ op: 'add', path: '/a/z', value: 1 }]) as typeof doc
    expect(result.b).toBe(doc.b)
    expect(result.a).not.toBe(doc.a)
  })

  test('adding a member and removing it again gives the document back', () => {
    const json = fc.jsonValue({ maxDepth: 3 }) as fc.Arbitrary<Json>
    const object = fc.dictionary(
      fc.string().filter((key) => key !== '__proto__' && key !== 'new'),
      json,
    )
    const clean = (value: Json) => !JSON.stringify(value).includes('__proto__')
    fc.assert(
      fc.property(object.filter(clean), json.filter(clean), (doc, value) => {
        const added = applyJsonPatch(doc, [{ op: 'add', path: '/new', value }])
        expect(added).toEqual({ ...doc, new: value })
        expect(
          applyJsonPatch(added, [
            { op: 'test', path: '/new', value },
            { op: 'remove', path: '/new' },
          ]),
        ).toEqual(doc)
      }),
    )
  })
})
