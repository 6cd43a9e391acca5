import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { kinds } from '../../../crds/kinds.ts'
import { kindNames } from '../../../crds/names.ts'
import { toCrdYaml } from '../../../crds/meta/to-crd.ts'
import { toDocsPage } from '../../../crds/meta/to-docs.ts'
import { SchemaNotStructuralError, toOpenApi } from '../../../crds/meta/to-openapi.ts'

const root = join(import.meta.dirname, '../../..')
const read = (...path: string[]) => readFileSync(join(root, ...path), 'utf8')

test('the names of the kinds are those of the kinds', () => {
  expect(kindNames).toEqual(kinds.map(({ plural, scope }) => ({ plural, scope })))
})

describe('checked-in files', () => {
  test.each(kinds)('the CRD of $kind is what generate writes', (kind) => {
    expect(read('crds', `${kind.plural}.${kind.group}.yaml`)).toBe(toCrdYaml(kind))
  })

  test.each(kinds)('the docs page of $kind is what generate writes', (kind) => {
    const sample = read('manifests', 'samples', `${kind.singular}.yaml`)
    expect(read('docs', 'kinds', `${kind.singular}.md`)).toBe(toDocsPage(kind, sample))
  })
})

describe('toOpenApi', () => {
  const refused: [string, z.ZodType][] = [
    ['a union', z.object({ a: z.union([z.string(), z.number()]) })],
    ['a discriminated union', z.object({ a: z.discriminatedUnion('t', [z.object({ t: z.literal('x') })]) })],
    ['a strict object', z.object({ a: z.strictObject({ b: z.string() }) })],
    ['a value without a type', z.object({ a: z.unknown() })],
    ['a look-ahead, which RE2 has not', z.object({ a: z.string().regex(/^(?!x)y/) })],
    ['a custom check without a shape', z.object({ a: z.custom<string>(() => true) })],
  ]
  test.each(refused)('refuses %s', (_what, schema) => {
    expect(() => toOpenApi(schema)).toThrow(SchemaNotStructuralError)
  })

  test('keeps x-kubernetes keys and drops our own', () => {
    const schema = z.object({ a: z.string().meta({ effect: 'live', 'x-kubernetes-validations': [] }) })
    expect(toOpenApi(schema)).toEqual({
      type: 'object',
      required: ['a'],
      properties: { a: { type: 'string', 'x-kubernetes-validations': [] } },
    })
  })

  test('an unbounded integer carries no bounds of a double', () => {
    expect(toOpenApi(z.object({ a: z.int() }))).toMatchObject({ properties: { a: { type: 'integer' } } })
    expect(JSON.stringify(toOpenApi(z.object({ a: z.int() })))).not.toContain('9007199254740991')
  })
})
