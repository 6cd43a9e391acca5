import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { applyMergePatch } from '../../../apimachinery/patch/merge-patch.ts'
import type { Json, JsonObject } from '../../../crds/meta/json.ts'
import { mergePatchBetween } from '../../../cli/merge-patch-between.ts'
import { maskSecrets } from '../../../cli/printers/mask-secrets.ts'
import { warningsIn } from '../../../cli/warning-connector.ts'

describe('the patch between two objects', () => {
  test.each<[JsonObject, JsonObject, JsonObject | undefined]>([
    [{ a: 1 }, { a: 1 }, undefined],
    [{ a: 1, b: 1 }, { a: 2 }, { a: 2, b: null }],
    [{ a: { x: 1, y: 1 } }, { a: { x: 1, y: 2 } }, { a: { y: 2 } }],
    [{ a: [1, 2] }, { a: [1] }, { a: [1] }],
    [{ a: { x: 1 } }, { a: {} }, { a: { x: null } }],
    [{ a: 1 }, { a: { x: 1 } }, { a: { x: 1 } }],
  ])('from %j to %j is %j', (before, after, patch) => {
    expect(mergePatchBetween(before, after)).toEqual(patch)
  })

  test('makes the one of the other', () => {
    const key = fc.constantFrom('a', 'b', 'c')
    const { value } = fc.letrec<{ value: Json }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 3 },
        fc.constantFrom<Json>(1, 'x', true),
        fc.array(fc.integer(), { maxLength: 2 }),
        fc.dictionary(key, tie('value'), { noNullPrototype: true }),
      ),
    }))
    const object = fc.dictionary(key, value, { noNullPrototype: true })
    fc.assert(
      fc.property(object, object, (before, after) => {
        expect(applyMergePatch(before, mergePatchBetween(before, after) ?? {})).toEqual(after)
      }),
    )
  })
})

describe('masked Secrets', () => {
  const secret = (data: JsonObject): JsonObject => ({ apiVersion: 'v1', kind: 'Secret', data })

  test('tell which values differ, and no value', () => {
    const [before, after] = maskSecrets(
      secret({ same: 'AA==', changed: 'AQ==', gone: 'Ag==' }),
      secret({ same: 'AA==', changed: 'Aw==', come: 'BA==' }),
    )

    expect(before?.['data']).toEqual({ same: '***', changed: '*** (before)', gone: '***' })
    expect(after?.['data']).toEqual({ same: '***', changed: '*** (after)', come: '***' })
  })

  test('do not show what kubectl has kept in an annotation', () => {
    const annotations = {
      'kubectl.kubernetes.io/last-applied-configuration': '{"data":{"a":"AA=="}}',
      kept: 'x',
    }

    const [before] = maskSecrets({ ...secret({ a: 'AA==' }), metadata: { annotations } }, undefined)

    expect(JSON.stringify(before)).not.toContain('AA==')
    expect(before).toMatchObject({ metadata: { annotations: { kept: 'x' } } })
  })

  test('are the only objects that are masked', () => {
    const other = { apiVersion: 'v1', kind: 'ConfigMap', data: { a: 'b' } }

    expect(maskSecrets(other, undefined)).toEqual([other, undefined])
  })
})

describe('warnings', () => {
  test.each<[string | string[] | undefined, string[]]>([
    [undefined, []],
    ['299 - "unknown field \\"spec.x\\""', ['unknown field "spec.x"']],
    ['299 - "one, with a comma", 299 kvorum "two"', ['one, with a comma', 'two']],
    [
      ['299 - "a"', '299 - "b"'],
      ['a', 'b'],
    ],
    ['199 - "not ours"', []],
  ])('in %j are %j', (header, texts) => {
    expect(warningsIn(header)).toEqual(texts)
  })
})
