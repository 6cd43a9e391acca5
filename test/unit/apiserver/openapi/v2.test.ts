import { describe, expect, test } from 'vitest'
import type { OpenApiGroupVersion } from '../../../../apiserver/openapi/resource.ts'
import { schemaV2 } from '../../../../apiserver/openapi/v2-schema.ts'
import { openApiV2, openApiV2Protobuf } from '../../../../apiserver/openapi/v2.ts'
import { wireFields } from '../../../../apiserver/protobuf/wire.ts'
import { isJsonObject, type Json, type JsonObject } from '../../../../crds/meta/json.ts'

const text = { type: 'string' }
const machines: OpenApiGroupVersion = {
  group: 'kvorum.dev',
  version: 'v1alpha1',
  resources: [
    {
      plural: 'virtualmachines',
      singular: 'virtualmachine',
      kind: 'VirtualMachine',
      listKind: 'VirtualMachineList',
      namespaced: true,
      verbs: ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'],
      subresources: ['status', 'scale'],
      schema: {
        type: 'object',
        properties: {
          spec: {
            type: 'object',
            required: ['memory'],
            properties: {
              memory: { ...text, minLength: 300, pattern: '^[0-9]+Gi$' },
              power: { ...text, enum: ['On', 'Off'], default: 'On' },
              weight: { type: 'number', minimum: 0.5 },
              low: { type: 'integer', minimum: -1, format: 'int32' },
              labels: { type: 'object', additionalProperties: text },
              disks: {
                type: 'array',
                'x-kubernetes-list-type': 'map',
                'x-kubernetes-list-map-keys': ['name'],
                items: { type: 'object', properties: { name: text } },
              },
            },
          },
        },
      },
      shortNames: ['vm'],
    },
  ],
}
const document = openApiV2([machines])
const machine = 'dev.kvorum.v1alpha1.VirtualMachine'
const collection = '/apis/kvorum.dev/v1alpha1/namespaces/{namespace}/virtualmachines'

function at(from: Json | undefined, ...path: string[]): Json | undefined {
  let value = from
  for (const key of path) value = isJsonObject(value) ? value[key] : undefined
  return value
}

function refsIn(value: Json | undefined): string[] {
  if (Array.isArray(value)) return value.flatMap(refsIn)
  if (!isJsonObject(value)) return []
  const own = typeof value['$ref'] === 'string' ? [value['$ref']] : []
  return [...own, ...Object.values(value).flatMap(refsIn)]
}

const schemas: { name: string; schema: JsonObject; want: JsonObject }[] = [
  {
    name: 'a reference alone takes the place of allOf',
    schema: { description: 'When.', allOf: [{ $ref: '#/components/schemas/a.Time' }] },
    want: { description: 'When.', $ref: '#/definitions/a.Time' },
  },
  {
    name: 'choices between schemas are left out',
    schema: {
      type: 'object',
      oneOf: [{ required: ['a'] }],
      anyOf: [{}],
      not: {},
      allOf: [{ required: ['b'] }],
    },
    want: { type: 'object' },
  },
  {
    name: 'what may be null has no type',
    schema: { type: 'object', nullable: true, properties: { a: text }, description: 'x', default: null },
    want: { description: 'x' },
  },
  {
    name: 'what may be null is not required',
    schema: {
      type: 'object',
      required: ['a', 'b'],
      properties: { a: text, b: { ...text, nullable: true } },
    },
    want: { type: 'object', required: ['a'], properties: { a: text, b: {} } },
  },
  {
    name: 'numbers or texts have no type',
    schema: { 'x-kubernetes-int-or-string': true, anyOf: [{ type: 'integer' }, text] },
    want: { 'x-kubernetes-int-or-string': true },
  },
  {
    name: 'objects with fields that nobody knows have no type',
    schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true, properties: { a: text } },
    want: { 'x-kubernetes-preserve-unknown-fields': true },
  },
  {
    name: 'extensions, items and values of maps stay',
    schema: {
      type: 'array',
      'x-kubernetes-list-type': 'set',
      items: { type: 'object', additionalProperties: { ...text, nullable: true } },
    },
    want: {
      type: 'array',
      'x-kubernetes-list-type': 'set',
      items: { type: 'object', additionalProperties: {} },
    },
  },
]

test.each(schemas)('$name', ({ schema, want }) => {
  expect(schemaV2(schema)).toEqual(want)
})

describe('the OpenAPI v2 document', () => {
  test('has the kinds of all groups, with the group, version and kind by which they are found', () => {
    expect(at(document, 'definitions', machine, 'x-kubernetes-group-version-kind')).toEqual([
      { group: 'kvorum.dev', kind: 'VirtualMachine', version: 'v1alpha1' },
    ])
    expect(at(document, 'definitions', machine, 'properties', 'metadata', '$ref')).toBe(
      '#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta',
    )
  })

  test('every reference leads to a definition', () => {
    const definitions = document['definitions'] as JsonObject
    const refs = new Set(refsIn(document))
    expect(refs.size).toBeGreaterThan(5)
    for (const ref of refs) expect(definitions).toHaveProperty([ref.replace('#/definitions/', '')])
  })

  test('what a request carries is a parameter', () => {
    const post = at(document, 'paths', collection, 'post')
    expect(at(post, 'consumes')).toEqual(['application/json', 'application/yaml'])
    expect((at(post, 'parameters') as Json[])[0]).toEqual({
      name: 'body',
      in: 'body',
      required: true,
      schema: { $ref: `#/definitions/${machine}` },
    })
    expect(at(post, 'parameters')).toContainEqual(
      expect.objectContaining({ name: 'dryRun', in: 'query', type: 'string', uniqueItems: true }),
    )
    expect(at(post, 'responses', '201')).toEqual({
      description: 'Created',
      schema: { $ref: `#/definitions/${machine}` },
    })
  })

  test('patches name the types that they come in', () => {
    expect(at(document, 'paths', `${collection}/{name}`, 'patch', 'consumes')).toEqual([
      'application/json-patch+json',
      'application/merge-patch+json',
      'application/apply-patch+yaml',
    ])
  })
})

/** Follows fields by number into nested messages; a name picks the message of a map that has it. */
function dig(message: Buffer, ...path: (number | string)[]): unknown {
  const [step, ...rest] = path
  if (step === undefined) return message
  const fields = [...wireFields(message)]
  if (typeof step === 'string') return undefined
  const [next] = rest
  const found = fields
    .filter(({ number }) => number === step)
    .find((field) => typeof next !== 'string' || (field.wire === 'bytes' && nameOf(field.value) === next))
  if (found === undefined) return undefined
  if (found.wire === 'varint') return found.value
  const deeper = typeof next === 'string' ? rest.slice(1) : rest
  return dig(found.value, ...deeper)
}

const nameOf = (message: Buffer) => String(dig(message, 1))

describe('the document as protobuf', () => {
  const bytes = openApiV2Protobuf(document)
  const spec = [9, 1, machine, 2, 25, 1, 'spec', 2] as const
  const field = (name: string, ...path: (number | string)[]) => {
    const found = dig(bytes, ...spec, 25, 1, name, 2, ...path)
    return Buffer.isBuffer(found) ? found.toString() : found
  }

  test('begins with what it is', () => {
    expect(String(dig(bytes, 1))).toBe('2.0')
    expect(String(dig(bytes, 2, 1))).toBe('Kubernetes')
  })

  test('has types, limits, patterns and required fields', () => {
    expect(field('memory', 22, 1)).toBe('string')
    expect(field('memory', 12)).toBe(300)
    expect(field('memory', 13)).toBe('^[0-9]+Gi$')
    expect(String(dig(bytes, ...spec, 19))).toBe('memory')
    expect(field('low', 2)).toBe('int32')
  })

  test('has numbers as doubles', () => {
    const weight = dig(bytes, ...spec, 25, 1, 'weight', 2) as Buffer
    const expected = Buffer.alloc(9)
    expected.writeUInt8(9 * 8 + 1)
    expected.writeDoubleLE(0.5, 1)
    expect(weight.includes(expected)).toBe(true)
  })

  test('has values of any kind as text', () => {
    expect(field('power', 5, 2)).toBe('"On"')
    expect(field('power', 20, 2)).toBe('"On"')
  })

  test('has items, values of maps and extensions', () => {
    expect(field('labels', 21, 1, 22, 1)).toBe('string')
    expect(field('disks', 23, 1, 25, 1, 'name', 2, 22, 1)).toBe('string')
    expect(field('disks', 31, 'x-kubernetes-list-map-keys', 2, 2)).toBe('["name"]')
    const kinds = dig(bytes, 9, 1, machine, 2, 31, 'x-kubernetes-group-version-kind', 2, 2)
    expect(JSON.parse(String(kinds))).toEqual([
      { group: 'kvorum.dev', kind: 'VirtualMachine', version: 'v1alpha1' },
    ])
  })

  test('has operations with their parameters and answers', () => {
    const post = [8, 2, collection, 2, 4] as const
    expect(String(dig(bytes, ...post, 8, 1, 1, 2))).toBe('body')
    expect(dig(bytes, ...post, 8, 1, 1, 4)).toBe(1)
    expect(String(dig(bytes, ...post, 8, 1, 1, 5, 1))).toBe(`#/definitions/${machine}`)
    expect(String(dig(bytes, ...post, 9, 1, '201', 2, 1, 1))).toBe('Created')
    expect(String(dig(bytes, ...post, 13, 'x-kubernetes-action', 2, 2))).toBe('"post"')
    const shared = [8, 2, collection, 2, 9, 1, 2] as const
    expect(String(dig(bytes, ...shared, 4, 4))).toBe('namespace')
  })
})
