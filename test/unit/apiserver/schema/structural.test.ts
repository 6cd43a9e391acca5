import { describe, expect, test } from 'vitest'
import { compileSchema } from '../../../../apiserver/schema/structural.ts'
import type { JsonObject } from '../../../../crds/meta/json.ts'
import { vmSchema } from './vm-schema.ts'

const field = (schema: JsonObject): JsonObject => ({ type: 'object', properties: { a: schema } })
const list = (items: JsonObject, more: JsonObject = {}): JsonObject =>
  field({ type: 'array', items, ...more })

const refusals: { name: string; schema: JsonObject; want: string[] }[] = [
  {
    name: 'a field without a type',
    schema: field({}),
    want: ['o.properties[a].type: Required value: must not be empty for specified object fields'],
  },
  {
    name: 'a root without a type',
    schema: {},
    want: ['o.type: Required value: must not be empty at the root'],
  },
  {
    name: 'a root that is no object',
    schema: { type: 'string' },
    want: ['o.type: Invalid value: "string": must be object at the root'],
  },
  {
    name: 'an array without items',
    schema: field({ type: 'array' }),
    want: ['o.properties[a].items: Required value: must be specified'],
  },
  {
    name: 'items without a type',
    schema: list({}),
    want: ['o.properties[a].items.type: Required value: must not be empty for specified array items'],
  },
  {
    name: 'an unknown type',
    schema: field({ type: 'float' }),
    want: [
      'o.properties[a].type: Unsupported value: "float": supported values: "array", "boolean", "integer", "number", "object", "string"',
    ],
  },
  {
    name: 'a reference',
    schema: field({ type: 'object', $ref: '#/x' }),
    want: ['o.properties[a].$ref: Forbidden: $ref is not supported'],
  },
  {
    name: 'a pattern that is not valid',
    schema: field({ type: 'string', pattern: '[' }),
    want: [
      'o.properties[a].pattern: Invalid value: "[": must be a valid regular expression, but isn\'t: error parsing regexp: missing closing ]: `[`',
    ],
  },
  {
    name: 'a look-ahead, which Go does not have',
    schema: field({ type: 'string', pattern: '(?=a)' }),
    want: [
      'o.properties[a].pattern: Invalid value: "(?=a)": must be a valid regular expression, but isn\'t: error parsing regexp: invalid or unsupported Perl syntax: `(?=`',
    ],
  },
  {
    name: 'a type under anyOf',
    schema: field({ type: 'string', anyOf: [{ type: 'string' }] }),
    want: ['o.properties[a].anyOf[0].type: Forbidden: must be empty to be structural'],
  },
  {
    name: 'a property named only under a combinator',
    schema: { type: 'object', anyOf: [{ properties: { x: { minimum: 1 } } }] },
    want: ['o.properties[x]: Required value: because it is defined in o.anyOf[0].properties[x]'],
  },
  {
    name: 'properties beside additionalProperties',
    schema: field({
      type: 'object',
      properties: { b: { type: 'string' } },
      additionalProperties: { type: 'string' },
    }),
    want: [
      'o.properties[a].additionalProperties: Forbidden: additionalProperties and properties are mutual exclusive',
    ],
  },
  {
    name: 'additionalProperties at the root',
    schema: { type: 'object', additionalProperties: { type: 'string' } },
    want: ['o.additionalProperties: Forbidden: must not be used at the root'],
  },
  {
    name: 'unique items',
    schema: list({ type: 'string' }, { uniqueItems: true }),
    want: [
      'o.properties[a].uniqueItems: Forbidden: uniqueItems cannot be set to true since the runtime complexity becomes quadratic',
    ],
  },
  {
    name: 'a map list whose key is optional',
    schema: list(
      { type: 'object', properties: { k: { type: 'string' } } },
      { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['k'] },
    ),
    want: [
      'o.properties[a].items.properties[k].default: Required value: this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property',
    ],
  },
  {
    name: 'a map list without keys',
    schema: list({ type: 'object' }, { 'x-kubernetes-list-type': 'map' }),
    want: [
      'o.properties[a].x-kubernetes-list-map-keys: Required value: must not be empty if x-kubernetes-list-type is map',
    ],
  },
  {
    name: 'a map list with a key that items do not have',
    schema: list(
      { type: 'object' },
      { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['k'] },
    ),
    want: [
      'o.properties[a].x-kubernetes-list-map-keys: Invalid value: ["k"]: entries must all be names of item properties',
    ],
  },
  {
    name: 'a set of granular objects',
    schema: list({ type: 'object' }, { 'x-kubernetes-list-type': 'set' }),
    want: [
      'o.properties[a].items.x-kubernetes-map-type: Invalid value: null: must be atomic as item of a list with x-kubernetes-list-type=set',
    ],
  },
  {
    name: 'a default of the wrong type',
    schema: field({ type: 'integer', default: 'x' }),
    want: ['o.properties[a].default: Invalid value: "string":  in body must be of type integer: "string"'],
  },
  {
    name: 'a default with unknown fields',
    schema: field({ type: 'object', default: { b: 1 } }),
    want: ['o.properties[a].default: Invalid value: {"b":1}: must not have unknown fields'],
  },
  {
    name: 'metadata that says more than a name',
    schema: {
      type: 'object',
      properties: { metadata: { type: 'object', properties: { labels: { type: 'object' } } } },
    },
    want: [
      'o.properties[metadata]: Forbidden: must not specify anything other than name and generateName, but metadata is implicitly specified',
    ],
  },
  {
    name: 'preserve-unknown-fields: false',
    schema: field({ type: 'object', 'x-kubernetes-preserve-unknown-fields': false }),
    want: [
      'o.properties[a].x-kubernetes-preserve-unknown-fields: Invalid value: false: must be true or undefined',
    ],
  },
  {
    name: 'a nullable root',
    schema: { type: 'object', nullable: true },
    want: ['o.nullable: Forbidden: nullable cannot be true at the root'],
  },
  {
    name: 'a keyword of the wrong JSON type',
    schema: field({ type: 'string', maxLength: '5' }),
    want: ['o.properties[a].maxLength: Invalid value: "5": must be of type number'],
  },
  {
    name: 'a rule without text',
    schema: { type: 'object', 'x-kubernetes-validations': [{ rule: ' ' }] },
    want: ['o.x-kubernetes-validations[0].rule: Required value: rule is not specified'],
  },
  {
    name: 'a rule with an unknown reason',
    schema: { type: 'object', 'x-kubernetes-validations': [{ rule: 'true', reason: 'X' }] },
    want: [
      'o.x-kubernetes-validations[0].reason: Unsupported value: "X": supported values: "FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired"',
    ],
  },
]

describe('a schema for a CustomResourceDefinition', () => {
  test('may use everything that is structural', () => {
    expect(compileSchema(vmSchema()).errors).toEqual([])
  })

  test.each(refusals)('must not have $name', ({ schema, want }) => {
    const result = compileSchema(schema, { path: 'o' })
    expect(result.errors.map(({ field: at, message }) => `${at}: ${message}`)).toEqual(want)
    expect(result.schema).toBeUndefined()
  })

  test('may restrict the name', () => {
    const metadata = { type: 'object', properties: { name: { type: 'string', maxLength: 5 } } }
    expect(compileSchema({ type: 'object', properties: { metadata } }).errors).toEqual([])
  })

  test('is refused, not crashed on, when nested beyond reason', () => {
    let schema: JsonObject = { type: 'object' }
    for (let i = 0; i < 5000; i++) schema = { type: 'object', properties: { a: schema } }
    expect(compileSchema(schema).errors[0]?.message).toContain('must not be nested more than')
  })
})
