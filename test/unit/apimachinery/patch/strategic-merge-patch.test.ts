import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  applyStrategicMergePatch,
  type PatchSchema,
} from '../../../../apimachinery/patch/strategic-merge-patch.ts'
import type { Json, JsonObject } from '../../../../crds/meta/json.ts'

const leaf: PatchSchema = {
  properties: new Map(),
  additionalProperties: undefined,
  items: undefined,
  listType: undefined,
  listMapKeys: [],
  patchMergeKey: undefined,
  patchStrategy: undefined,
}
const item: PatchSchema = { ...leaf, properties: new Map([['tags', { ...leaf, patchStrategy: 'merge' }]]) }
const schema: PatchSchema = {
  ...leaf,
  properties: new Map<string, PatchSchema>([
    ['merged', { ...leaf, patchStrategy: 'merge', patchMergeKey: 'name', items: item }],
    ['byListType', { ...leaf, listType: 'map', listMapKeys: ['name'], items: item }],
    ['scalars', { ...leaf, patchStrategy: 'merge' }],
    ['atomic', leaf],
    ['replaced', { ...leaf, patchStrategy: 'replace' }],
    ['strategy', { ...leaf, patchStrategy: 'retainKeys' }],
    [
      'nested',
      {
        ...leaf,
        properties: new Map([
          ['merged', { ...leaf, patchStrategy: 'merge', patchMergeKey: 'name', items: item }],
        ]),
      },
    ],
  ]),
}

const named = (...names: string[]) => names.map((name) => ({ name }))
const cases: { name: string; doc: JsonObject; patch: JsonObject; want: JsonObject }[] = [
  {
    name: 'merges objects and deletes with null',
    doc: { a: { x: 1, y: 1 } },
    patch: { a: { x: null, z: 2 } },
    want: { a: { y: 1, z: 2 } },
  },
  {
    name: 'merges list elements by key',
    doc: {
      merged: [
        { name: 'a', v: 1 },
        { name: 'b', v: 1 },
      ],
    },
    patch: { merged: [{ name: 'b', v: 2 }] },
    want: {
      merged: [
        { name: 'a', v: 1 },
        { name: 'b', v: 2 },
      ],
    },
  },
  {
    name: 'adds list elements',
    doc: { merged: named('a') },
    patch: { merged: named('b') },
    want: { merged: named('b', 'a') },
  },
  {
    name: 'merges by list-map keys too',
    doc: { byListType: [{ name: 'a', v: 1 }] },
    patch: { byListType: [{ name: 'a', w: 2 }] },
    want: { byListType: [{ name: 'a', v: 1, w: 2 }] },
  },
  {
    name: 'deletes a list element by directive',
    doc: { merged: named('a', 'b') },
    patch: { merged: [{ name: 'a', $patch: 'delete' }] },
    want: { merged: named('b') },
  },
  {
    name: 'replaces a merged list by directive',
    doc: { merged: named('a', 'b') },
    patch: { merged: [{ name: 'c' }, { $patch: 'replace' }] },
    want: { merged: named('c') },
  },
  {
    name: 'replaces an object by directive',
    doc: { a: { x: 1 } },
    patch: { a: { $patch: 'replace', y: 2 } },
    want: { a: { y: 2 } },
  },
  {
    name: 'empties an object by directive',
    doc: { a: { x: 1 } },
    patch: { a: { $patch: 'delete' } },
    want: { a: {} },
  },
  {
    name: 'replaces lists that are not merged',
    doc: { atomic: [1, 2] },
    patch: { atomic: [3] },
    want: { atomic: [3] },
  },
  {
    name: 'replaces objects with that strategy',
    doc: { replaced: { x: 1 } },
    patch: { replaced: { y: 2 } },
    want: { replaced: { y: 2 } },
  },
  {
    name: 'merges lists of scalars',
    doc: { scalars: ['a', 'b'] },
    patch: { scalars: ['b', 'c'] },
    want: { scalars: ['a', 'b', 'c'] },
  },
  {
    name: 'deletes from lists of scalars',
    doc: { scalars: ['a', 'b', 'a'] },
    patch: { '$deleteFromPrimitiveList/scalars': ['a'] },
    want: { scalars: ['b'] },
  },
  {
    name: 'orders a merged list',
    doc: { merged: named('a', 'b', 'c') },
    patch: { '$setElementOrder/merged': named('c', 'a'), merged: [] },
    want: { merged: named('b', 'c', 'a') },
  },
  {
    name: 'keeps what only the server has between its neighbours',
    doc: { merged: named('a', 'server', 'b') },
    patch: { '$setElementOrder/merged': named('a', 'b', 'new'), merged: named('new') },
    want: { merged: named('a', 'server', 'b', 'new') },
  },
  {
    name: 'orders scalars',
    doc: { scalars: ['a', 'b'] },
    patch: { '$setElementOrder/scalars': ['b', 'a'] },
    want: { scalars: ['b', 'a'] },
  },
  {
    name: 'keeps only retained keys',
    doc: { strategy: { type: 'Rolling', rolling: { x: 1 } } },
    patch: { strategy: { $retainKeys: ['type'], type: 'Recreate' } },
    want: { strategy: { type: 'Recreate' } },
  },
  {
    name: 'drops directives and nulls from what is new',
    doc: {},
    patch: {
      a: { b: null, c: { $patch: 'merge', d: 1 } },
      nested: { '$setElementOrder/merged': named('a'), merged: [{ name: 'a', x: null }] },
    },
    want: { a: { c: { d: 1 } }, nested: { merged: named('a') } },
  },
  {
    name: 'merges finalizers and owner references',
    doc: { metadata: { finalizers: ['a'], ownerReferences: [{ uid: '1', name: 'x' }] } },
    patch: {
      metadata: { finalizers: ['b'], ownerReferences: [{ uid: '1', controller: true }], labels: { l: 'v' } },
    },
    want: {
      metadata: {
        finalizers: ['b', 'a'],
        ownerReferences: [{ uid: '1', name: 'x', controller: true }],
        labels: { l: 'v' },
      },
    },
  },
  {
    name: 'merges inside merged elements',
    doc: { merged: [{ name: 'a', tags: ['x'] }] },
    patch: { merged: [{ name: 'a', tags: ['y'] }] },
    want: { merged: [{ name: 'a', tags: ['y', 'x'] }] },
  },
]

describe('strategic merge patch', () => {
  test.each(cases)('$name', ({ doc, patch, want }) => {
    const before = JSON.stringify([doc, patch])
    expect(applyStrategicMergePatch(doc, patch, schema)).toEqual(want)
    expect(JSON.stringify([doc, patch])).toBe(before)
  })

  test.each<[string, JsonObject, Json, string]>([
    ['an unknown directive', { a: {} }, { a: { $patch: 'nope' } }, 'BadRequest'],
    ['an element without its key', { merged: [] }, { merged: [{ v: 1 }, { name: 'a' }] }, 'BadRequest'],
    ['a directive of the wrong type', {}, { '$setElementOrder/merged': 'x' }, 'BadRequest'],
    [
      'fields that retainKeys leaves out',
      { strategy: {} },
      { strategy: { $retainKeys: ['a'], b: 1 } },
      'Invalid',
    ],
    ['a patch that is no object', {}, [], 'BadRequest'],
    ['__proto__', {}, JSON.parse('{"a":{"__proto__":1}}') as Json, 'BadRequest'],
  ])('refuses %s', (_, doc, patch, reason) => {
    expect(() => applyStrategicMergePatch(doc, patch, schema)).toThrow(expect.objectContaining({ reason }))
  })

  test('applying a patch twice is applying it once', () => {
    const name = fc.constantFrom('a', 'b', 'c')
    const items = fc.uniqueArray(fc.record({ name, v: fc.nat(3) }), { selector: (one) => one.name })
    const document = fc.record(
      { merged: items, scalars: fc.uniqueArray(name), atomic: fc.array(name) },
      { requiredKeys: [] },
    ) as fc.Arbitrary<JsonObject>
    fc.assert(
      fc.property(document, document, (doc, patch) => {
        const once = applyStrategicMergePatch(doc, patch, schema)
        expect(applyStrategicMergePatch(once, patch, schema)).toEqual(once)
      }),
    )
  })
})
