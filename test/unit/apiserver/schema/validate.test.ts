import { describe, expect, test } from 'vitest'
import { compileSchema, type CompiledSchema } from '../../../../apiserver/schema/structural.ts'
import { isJsonObject, type JsonObject } from '../../../../crds/meta/json.ts'
import { aVm, vmSchema } from './vm-schema.ts'

function compiled(schema: JsonObject): CompiledSchema {
  const { schema: result, errors } = compileSchema(schema)
  expect(errors).toEqual([])
  if (result === undefined) throw new Error('the schema did not compile')
  return result
}

const schema = compiled(vmSchema())
const lines = (object: JsonObject, old?: JsonObject) =>
  schema.validate(object, { old }).map(({ field, message }) => `${field}: ${message}`)

const cases: { name: string; spec: JsonObject; want: string[] }[] = [
  { name: 'accepts a good object', spec: {}, want: [] },
  {
    name: 'names a field of the wrong type',
    spec: { memory: 5 },
    want: ['spec.memory: Invalid value: "integer": spec.memory in body must be of type string: "integer"'],
  },
  {
    name: 'names the format when the type has one',
    spec: { cpus: 'x' },
    want: ['spec.cpus: Invalid value: "string": spec.cpus in body must be of type integer: "string"'],
  },
  {
    name: 'refuses a fraction for an integer',
    spec: { cpus: 1.5 },
    want: [
      'spec.cpus: Invalid value: "float64": spec.cpus in body must be of type int32: "float64"',
      '<nil>: Invalid value: "": Checked value must be of type integer with format int32 in spec.cpus',
    ],
  },
  {
    name: 'refuses null where it is not allowed',
    spec: { memory: null },
    want: ['spec.memory: Invalid value: "null": spec.memory in body must be of type string: "null"'],
  },
  { name: 'accepts null where it is', spec: { description: null }, want: [] },
  {
    name: 'shows a pattern that does not match',
    spec: { memory: '-5' },
    want: [`spec.memory: Invalid value: "-5": spec.memory in body should match '^[0-9]+(Mi|Gi)$'`],
  },
  {
    name: 'lists what an enum supports',
    spec: { power: 'x' },
    want: ['spec.power: Unsupported value: "x": supported values: "Running", "Stopped"'],
  },
  {
    name: 'checks the minimum',
    spec: { cpus: 0 },
    want: ['spec.cpus: Invalid value: 0: spec.cpus in body should be greater than or equal to 1'],
  },
  {
    name: 'checks the maximum',
    spec: { cpus: 1000 },
    want: ['spec.cpus: Invalid value: 1000: spec.cpus in body should be less than or equal to 512'],
  },
  {
    name: 'checks the range of int32',
    spec: { cpus: 2 ** 31 },
    want: [
      '<nil>: Invalid value: "": Checked value must be of type integer with format int32 in spec.cpus',
      'spec.cpus: Invalid value: 2147483648: spec.cpus in body should be less than or equal to 512',
    ],
  },
  {
    name: 'checks divisibility',
    spec: { weight: 0.75 },
    want: ['spec.weight: Invalid value: 0.75: spec.weight in body should be a multiple of 0.5'],
  },
  {
    name: 'checks the longest length',
    spec: { description: 'x'.repeat(11) },
    want: ['spec.description: Too long: may not be more than 10 bytes'],
  },
  { name: 'counts characters, not code units', spec: { description: '💾'.repeat(10) }, want: [] },
  {
    name: 'checks the shortest length',
    spec: { description: 'x' },
    want: ['spec.description: Invalid value: "x": spec.description in body should be at least 2 chars long'],
  },
  {
    name: 'checks a format',
    spec: { uuid: 'nope' },
    want: ['spec.uuid: Invalid value: "nope": spec.uuid in body must be of type uuid: "nope"'],
  },
  { name: 'accepts text where an integer or text may stand', spec: { port: 'http' }, want: [] },
  {
    name: 'refuses an object there',
    spec: { port: {} },
    want: [
      'spec.port: Invalid value: "object": spec.port in body must be of type integer,string: "object"',
      '<nil>: Invalid value: "": "spec.port" must validate at least one schema (anyOf)',
      'spec.port: Invalid value: "object": spec.port in body must be of type integer: "object"',
    ],
  },
  {
    name: 'finds a repeat in a set',
    spec: { features: ['a', 'b', 'a', 'a'] },
    want: ['spec.features[2]: Duplicate value: "a"'],
  },
  {
    name: 'finds a repeated key in a map list',
    spec: { nics: [{ name: 'x' }, { name: 'y' }, { name: 'x' }] },
    want: ['spec.nics[2]: Duplicate value: {"name":"x"}'],
  },
  {
    name: 'requires a field of a list element',
    spec: { nics: [{}] },
    want: ['spec.nics[0].name: Required value'],
  },
  {
    name: 'limits the length of a list',
    spec: { nics: [1, 2, 3, 4, 5].map((n) => ({ name: `n${n}` })) },
    want: ['spec.nics: Too many: 5: must have at most 4 items'],
  },
  {
    name: 'checks values of a map',
    spec: { nodeSelector: { a: 5 } },
    want: [
      'spec.nodeSelector.a: Invalid value: "integer": spec.nodeSelector.a in body must be of type string: "integer"',
    ],
  },
  {
    name: 'limits the size of a map',
    spec: { nodeSelector: { a: 'a', b: 'b', c: 'c' } },
    want: ['spec.nodeSelector: Too many: 3: must have at most 2 items'],
  },
  {
    name: 'finds two of what must be one',
    spec: { nics: [{ name: 'a', bridge: {}, nat: {} }] },
    want: [
      '<nil>: Invalid value: "": "spec.nics[0]" must validate one and only one schema (oneOf). Found 2 valid alternatives',
    ],
  },
]

describe('validation of an object', () => {
  test.each(cases)('$name', ({ spec, want }) => {
    const vm = aVm(spec)
    const before = JSON.stringify(vm)
    expect(lines(vm)).toEqual(want)
    expect(JSON.stringify(vm)).toBe(before)
  })

  test('requires what the root requires', () => {
    expect(lines({ apiVersion: 'v1', kind: 'X' })).toEqual(['spec: Required value'])
  })

  test('tells machine-readable reasons', () => {
    const reasons = schema
      .validate(aVm({ memory: 5, power: 'x', cpus: 0, description: 'x'.repeat(11) }))
      .map(({ reason }) => reason)
    expect(reasons.toSorted((a = '', b = '') => (a < b ? -1 : 1))).toEqual([
      'FieldValueInvalid',
      'FieldValueNotSupported',
      'FieldValueTooLong',
      'FieldValueTypeInvalid',
    ])
  })

  test('a pattern that would take a backtracking engine years is over at once', () => {
    const slow = compiled({ type: 'object', properties: { x: { type: 'string', pattern: '^(a+)+$' } } })
    expect(slow.validate({ x: `${'a'.repeat(5000)}!` })).toHaveLength(1)
  })
})

describe('ratcheting on update', () => {
  const withBadNic = (extra: JsonObject = {}) => aVm({ nics: [{ name: 'a', mac: 'bad' }], ...extra })

  test('tolerates an invalid field that has not changed', () => {
    expect(lines(withBadNic({ cpus: 4 }), withBadNic())).toEqual([])
  })

  test('follows elements of map lists by key, not by position', () => {
    const moved = aVm({ nics: [{ name: 'new' }, { name: 'a', mac: 'bad' }] })
    expect(lines(moved, withBadNic())).toEqual([])
  })

  test('reports an invalid field that has changed', () => {
    const changed = aVm({ nics: [{ name: 'a', mac: 'worse' }] })
    expect(lines(changed, withBadNic())).toEqual([
      'spec.nics[0].mac: Invalid value: "worse": spec.nics[0].mac in body must be of type mac: "worse"',
    ])
  })

  test('tolerates what is missing where nothing has changed', () => {
    expect(lines(aVm({ nics: [{}], cpus: 9 }), aVm({ nics: [{}] }))).toEqual([])
  })

  test('tolerates repeats that were stored already', () => {
    const twice = { nics: [{ name: 'x' }, { name: 'x' }] }
    expect(lines(aVm({ ...twice, cpus: 9 }), aVm(twice))).toEqual([])
    expect(lines(aVm(twice), aVm())).toEqual(['spec.nics[1]: Duplicate value: {"name":"x"}'])
  })
})

describe('pruning', () => {
  test('returns the object itself when every field is known', () => {
    const vm = aVm()
    expect(schema.prune(vm)).toEqual({ object: vm, unknownFields: [] })
    expect(schema.prune(vm).object).toBe(vm)
  })

  test('drops unknown fields at every level and names them', () => {
    const vm = { ...aVm({ foo: 1, nics: [{ name: 'a', speed: 10 }] }), bar: {} }
    const { object, unknownFields } = schema.prune(vm)
    expect(unknownFields).toEqual(['bar', 'spec.foo', 'spec.nics[0].speed'])
    expect(object['bar']).toBeUndefined()
    expect(object['spec']).toEqual({ ...(aVm()['spec'] as JsonObject), nics: [{ name: 'a' }] })
    expect(vm.bar).toEqual({})
  })

  test('keeps what must be preserved', () => {
    const raw = { any: { thing: [1, { x: 2 }] } }
    const { object, unknownFields } = schema.prune(aVm({ raw }))
    expect(unknownFields).toEqual([])
    expect(isJsonObject(object['spec']) && object['spec']['raw']).toBe(raw)
  })

  test('knows the fields of metadata, at the root and in embedded resources', () => {
    const metadata = { name: 'x', foo: 1, creationTimestamp: null, ownerReferences: [{ kind: 'A', bar: 2 }] }
    const vm = {
      ...aVm({ template: { apiVersion: 'v1', kind: 'X', metadata: { nope: 1 }, spec: { a: 1 } } }),
      metadata,
    }
    const { object, unknownFields } = schema.prune(vm)
    expect(unknownFields).toEqual([
      'metadata.foo',
      'metadata.ownerReferences[0].bar',
      'spec.template.metadata.nope',
    ])
    expect(object['metadata']).toEqual({ name: 'x', ownerReferences: [{ kind: 'A' }] })
  })

  test('refuses free-form parts that nest absurdly deep', () => {
    let raw: JsonObject = {}
    for (let i = 0; i < 100_000; i++) raw = { raw }
    expect(() => schema.prune(aVm({ raw: { raw } }))).toThrow(
      expect.objectContaining({ reason: 'BadRequest' }),
    )
  })
})

describe('defaulting', () => {
  test('returns the object itself when nothing is missing', () => {
    const vm = aVm()
    expect(schema.applyDefaults(vm)).toBe(vm)
  })

  test('fills in what is missing, in list elements too', () => {
    const vm: JsonObject = { spec: { memory: '1Gi', nics: [{ name: 'a' }, { name: 'b', network: 'x' }] } }
    expect(schema.applyDefaults(vm)).toEqual({
      spec: {
        memory: '1Gi',
        cpus: 1,
        power: 'Running',
        nics: [
          { name: 'a', network: 'default' },
          { name: 'b', network: 'x' },
        ],
      },
    })
    expect(vm).toEqual({ spec: { memory: '1Gi', nics: [{ name: 'a' }, { name: 'b', network: 'x' }] } })
  })

  test('replaces a null by the default, drops it where there is none, keeps it where it is allowed', () => {
    const vm: JsonObject = { spec: { memory: null, cpus: null, power: 'Stopped', description: null } }
    expect(schema.applyDefaults(vm)).toEqual({ spec: { cpus: 1, power: 'Stopped', description: null } })
  })

  test('fills in defaults inside a default', () => {
    const nested = compiled({
      type: 'object',
      properties: { a: { type: 'object', default: {}, properties: { b: { type: 'integer', default: 7 } } } },
    })
    expect(nested.applyDefaults({})).toEqual({ a: { b: 7 } })
  })
})
