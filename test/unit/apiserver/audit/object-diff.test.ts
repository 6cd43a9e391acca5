import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { applyJsonPatch } from '../../../../apimachinery/patch/json-patch.ts'
import { differences } from '../../../../apiserver/audit/object-diff.ts'
import type { Json, JsonObject } from '../../../../crds/meta/json.ts'

describe('differences', () => {
  test('tells every field with what it was', () => {
    const before = { spec: { a: 1, b: { c: true }, list: [1, 2, 3] }, metadata: { labels: { 'x/y': 'z' } } }
    const after = { spec: { a: 2, list: [1, 5], d: null }, metadata: { labels: { 'x/y': 'w' } } }

    expect(differences(before, after)).toEqual([
      { op: 'replace', path: '/spec/a', old: 1, value: 2 },
      { op: 'remove', path: '/spec/b', old: { c: true } },
      { op: 'replace', path: '/spec/list/1', old: 2, value: 5 },
      { op: 'remove', path: '/spec/list/2', old: 3 },
      { op: 'add', path: '/spec/d', value: null },
      { op: 'replace', path: '/metadata/labels/x~1y', old: 'z', value: 'w' },
    ])
  })

  test('says nothing of what the server keeps for itself', () => {
    const meta = (version: string) => ({
      metadata: { resourceVersion: version, generation: Number(version), managedFields: [{ time: version }] },
    })
    expect(differences(meta('1'), meta('2'))).toEqual([])
  })

  test('long values and long lists of changes are cut', () => {
    const [one] = differences({ a: 'x' }, { a: 'y'.repeat(10_000) })
    expect(one?.value).toMatch(/^y{4096}… \(10000 characters\)$/)
    const many = Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`f${index}`, index]))
    expect(differences({}, many)).toHaveLength(200)
  })

  test('applied as a JSON patch, it makes the one from the other', () => {
    const json = fc.jsonValue({ maxDepth: 3 }).map((value) => JSON.parse(JSON.stringify(value)) as Json)
    const objects = fc
      .dictionary(fc.stringMatching(/^[a-d~/]{1,3}$/), json, { maxKeys: 5 })
      .map((value): JsonObject => ({ ...value }))
    fc.assert(
      fc.property(objects, objects, (before, after) => {
        const patch = differences(before, after).map(({ op, path, value }) => ({
          op,
          path,
          ...(value !== undefined && { value }),
        }))
        expect(applyJsonPatch(before, patch)).toEqual(after)
      }),
    )
  })
})
