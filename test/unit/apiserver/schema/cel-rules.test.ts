import { describe, expect, test } from 'vitest'
import { compileSchema, type CompiledSchema } from '../../../../apiserver/schema/structural.ts'
import type { JsonObject } from '../../../../crds/meta/json.ts'

const text = { type: 'string' }
const whole = { type: 'integer' }
const rules = (...validations: (string | JsonObject)[]): JsonObject => ({
  'x-kubernetes-validations': validations.map((rule) => (typeof rule === 'string' ? { rule } : rule)),
})
const spec = (properties: JsonObject, more: JsonObject = {}): JsonObject => ({
  type: 'object',
  properties: { spec: { type: 'object', properties, ...more } },
})

function compile(schema: JsonObject): CompiledSchema {
  const { schema: compiled, errors } = compileSchema(schema, { path: 'schema' })
  if (compiled === undefined) throw new Error(JSON.stringify(errors))
  return compiled
}

function refusals(schema: JsonObject, value: JsonObject, old?: JsonObject): string[] {
  const causes = compile(schema).validate({ spec: value }, old === undefined ? {} : { old: { spec: old } })
  return causes.map(({ field, message }) => `${field}: ${message}`)
}

function compileErrors(schema: JsonObject): string[] {
  return compileSchema(schema, { path: 'schema' }).errors.map(({ field, message }) => `${field}: ${message}`)
}

describe('where a rule stands', () => {
  const schema: JsonObject = {
    type: 'object',
    ...rules('self.metadata.name != "bad"'),
    properties: {
      spec: {
        type: 'object',
        ...rules({ rule: 'self.min <= self.max', message: 'min must not be above max' }),
        properties: {
          min: whole,
          max: whole,
          name: { ...text, ...rules('self.startsWith("a")') },
          disks: {
            type: 'array',
            maxItems: 10,
            'x-kubernetes-list-type': 'map',
            'x-kubernetes-list-map-keys': ['name'],
            items: {
              type: 'object',
              required: ['name'],
              properties: { name: text, size: { ...whole, ...rules('self > 0') } },
              ...rules('!has(self.size) || self.size < 100'),
            },
          },
          nodes: {
            type: 'object',
            maxProperties: 10,
            additionalProperties: { ...whole, ...rules('self != 3') },
          },
        },
      },
    },
  }
  const compiled = compile(schema)
  const validate = (object: JsonObject) =>
    compiled.validate(object, {}).map(({ field, message }) => `${field}: ${message}`)

  test('an object that follows all rules has no errors', () => {
    const good = { min: 1, max: 2, name: 'ab', disks: [{ name: 'x', size: 5 }], nodes: { k: 1 } }
    expect(validate({ metadata: { name: 'good' }, spec: good })).toEqual([])
  })

  test('a rule on the object itself', () => {
    expect(validate({ metadata: { name: 'bad' } })).toEqual([
      '<nil>: Invalid value: failed rule: self.metadata.name != "bad"',
    ])
  })

  test('a rule on a field says its message', () => {
    expect(validate({ metadata: { name: 'x' }, spec: { min: 3, max: 2 } })).toEqual([
      'spec: Invalid value: min must not be above max',
    ])
  })

  test('a rule on a scalar shows the value', () => {
    expect(validate({ metadata: { name: 'x' }, spec: { min: 1, max: 2, name: 'b' } })).toEqual([
      'spec.name: Invalid value: "b": failed rule: self.startsWith("a")',
    ])
  })

  test('rules on items and their fields', () => {
    const disks = [
      { name: 'a', size: 1 },
      { name: 'b', size: 0 },
      { name: 'c', size: 200 },
    ]
    expect(validate({ metadata: { name: 'x' }, spec: { min: 1, max: 2, disks } })).toEqual([
      'spec.disks[1].size: Invalid value: 0: failed rule: self > 0',
      'spec.disks[2]: Invalid value: failed rule: !has(self.size) || self.size < 100',
    ])
  })

  test('rules on the values of a map', () => {
    expect(
      validate({ metadata: { name: 'x' }, spec: { min: 1, max: 2, nodes: { a: 1, 'b.c': 3 } } }),
    ).toEqual(['spec.nodes[b.c]: Invalid value: 3: failed rule: self != 3'])
  })

  test('rules on absent values do not run', () => {
    expect(validate({ metadata: { name: 'x' } })).toEqual([])
  })

  test('a rule that fails while it runs says why', () => {
    expect(validate({ metadata: { name: 'x' }, spec: { min: 1 } })).toEqual([
      'spec: Invalid value: "object": no such key: max evaluating rule: min must not be above max',
    ])
  })

  test('rules do not run on an object of another shape', () => {
    const errors = validate({ metadata: { name: 'bad' }, spec: { min: 'x', max: 2 } })
    expect(errors[0]).toBe(
      'spec.min: Invalid value: "string": spec.min in body must be of type integer: "string"',
    )
    expect(errors.at(-1)).toContain('some validation rules were not checked')
    expect(errors).toHaveLength(2)
  })
})

describe('what a violation says', () => {
  const message = (rule: JsonObject, value: JsonObject = { x: 5 }) =>
    refusals(spec({ x: whole, y: text }, rules({ rule: 'self.x < 3', ...rule })), value)

  test('the message of messageExpression', () => {
    expect(message({ messageExpression: '"x is " + string(self.x)', message: 'fixed' })).toEqual([
      'spec: Invalid value: x is 5',
    ])
  })

  test.each([
    ['that fails', 'self.y'],
    ['that is empty', '" "'],
    ['that has lines', '"a\\nb"'],
  ])('the fixed message instead of a messageExpression %s', (_, messageExpression) => {
    expect(message({ messageExpression, message: 'fixed' })).toEqual(['spec: Invalid value: fixed'])
  })

  test.each([
    ['FieldValueInvalid', 'spec.x: Invalid value: too much'],
    ['FieldValueForbidden', 'spec.x: Forbidden: too much'],
    ['FieldValueRequired', 'spec.x: Required value: too much'],
    ['FieldValueDuplicate', 'spec.x: Duplicate value: "too much"'],
  ])('reason %s', (reason, wanted) => {
    expect(message({ reason, message: 'too much', fieldPath: '.x' })).toEqual([wanted])
  })

  test('the reason is that of the cause', () => {
    const [cause] = compile(
      spec({ x: whole }, rules({ rule: 'self.x < 3', reason: 'FieldValueForbidden' })),
    ).validate({ spec: { x: 5 } }, {})
    expect(cause?.reason).toBe('FieldValueForbidden')
  })
})

describe('transition rules', () => {
  const immutable = spec({ x: { ...whole, ...rules({ rule: 'self == oldSelf', message: 'is immutable' }) } })

  test('run on updates', () => {
    expect(refusals(immutable, { x: 2 }, { x: 1 })).toEqual(['spec.x: Invalid value: 2: is immutable'])
    expect(refusals(immutable, { x: 1 }, { x: 1 })).toEqual([])
  })

  test('do not run on creation, nor for a value that is new', () => {
    expect(refusals(immutable, { x: 2 })).toEqual([])
    expect(refusals(immutable, { x: 2 }, {})).toEqual([])
  })

  test('run without an old value when it is optional', () => {
    const rule = { rule: 'oldSelf.hasValue() || self == 1', optionalOldSelf: true }
    const schema = spec({ x: { ...whole, ...rules(rule) } })
    expect(refusals(schema, { x: 2 })).toEqual([`spec.x: Invalid value: 2: failed rule: ${rule.rule}`])
    expect(refusals(schema, { x: 2 }, { x: 1 })).toEqual([])
    expect(refusals(schema, { x: 1 })).toEqual([])
  })

  const disks = (rule: string) =>
    spec({
      disks: {
        type: 'array',
        maxItems: 10,
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['name'],
        items: {
          type: 'object',
          required: ['name'],
          properties: { name: text, size: whole },
          ...rules(rule),
        },
      },
    })

  test('find the old item of a keyed list wherever it stood', () => {
    const old = {
      disks: [
        { name: 'a', size: 5 },
        { name: 'b', size: 7 },
      ],
    }
    const value = {
      disks: [
        { name: 'b', size: 6 },
        { name: 'a', size: 5 },
        { name: 'c', size: 1 },
      ],
    }
    expect(refusals(disks('self.size >= oldSelf.size'), value, old)).toEqual([
      'spec.disks[0]: Invalid value: failed rule: self.size >= oldSelf.size',
    ])
  })

  test('compare whole objects, lists and maps', () => {
    const schema = spec(
      { list: { type: 'array', items: text }, map: { type: 'object', additionalProperties: text } },
      rules('self == oldSelf'),
    )
    const value = { list: ['a'], map: { k: 'v' } }
    expect(refusals(schema, { ...value }, { map: { k: 'v' }, list: ['a'] })).toEqual([])
    expect(refusals(schema, { ...value, list: ['b'] }, value)).toHaveLength(1)
  })
})

describe('what was stored before a rule', () => {
  const schema = spec(
    {
      x: { ...whole, ...rules('self < 3') },
      list: { type: 'array', maxItems: 5, items: { ...whole, ...rules('self < 3') } },
      other: text,
    },
    rules('self.x < 4'),
  )

  test('is tolerated while it stays', () => {
    expect(refusals(schema, { x: 3, other: 'b' }, { x: 3, other: 'a' })).toEqual([])
  })

  test('is refused when it changes', () => {
    expect(refusals(schema, { x: 4 }, { x: 5 })).toEqual([
      'spec: Invalid value: failed rule: self.x < 4',
      'spec.x: Invalid value: 4: failed rule: self < 3',
    ])
  })

  test('the rule of an object that changed elsewhere is checked', () => {
    expect(refusals(schema, { x: 5, other: 'b' }, { x: 5, other: 'a' })).toEqual([
      'spec: Invalid value: failed rule: self.x < 4',
    ])
  })

  test('items without a key are tolerated while the list stays', () => {
    expect(refusals(schema, { x: 1, list: [3], other: 'b' }, { x: 1, list: [3] })).toEqual([])
    expect(refusals(schema, { x: 1, list: [3, 1] }, { x: 1, list: [3] })).toEqual([
      'spec.list[0]: Invalid value: 3: failed rule: self < 3',
    ])
  })
})

describe('rules that do not compile', () => {
  const broken: { name: string; schema: JsonObject; want: unknown[] }[] = [
    {
      name: 'a syntax error',
      schema: spec({ x: { ...whole, ...rules('true', 'self >') } }),
      want: [
        expect.stringMatching(
          /^schema\.properties\[spec\]\.properties\[x\]\.x-kubernetes-validations\[1\]\.rule: Invalid value: \{.*"Rule":"self \\u003e"\}: compilation failed: Unexpected token/s,
        ),
      ],
    },
    {
      name: 'a field that the schema does not have',
      schema: spec({ x: whole }, rules('self.y == 1')),
      want: [expect.stringContaining('compilation failed: No such key: y')],
    },
    {
      name: 'a result that is no boolean',
      schema: spec({ x: whole }, rules('self.x + 1')),
      want: [expect.stringMatching(/: cel expression must evaluate to a bool$/)],
    },
    {
      name: 'a message that is no text',
      schema: spec({ x: whole }, rules({ rule: 'true', messageExpression: 'self.x' })),
      want: [expect.stringMatching(/\.messageExpression: .*: messageExpression must evaluate to a string$/)],
    },
    {
      name: 'an old value within a list without keys',
      schema: spec({ l: { type: 'array', maxItems: 3, items: { ...whole, ...rules('self == oldSelf') } } }),
      want: [
        'schema.properties[spec].properties[l].items.x-kubernetes-validations[0].rule: Invalid value: "self == oldSelf": oldSelf cannot be used on the uncorrelatable portion of the schema within schema.properties[spec].properties[l]',
      ],
    },
    {
      name: 'optionalOldSelf without an old value',
      schema: spec({ x: { ...whole, ...rules({ rule: 'self > 1', optionalOldSelf: true }) } }),
      want: [
        'schema.properties[spec].properties[x].x-kubernetes-validations[0].optionalOldSelf: Invalid value: true: may not be set if oldSelf is not used in rule',
      ],
    },
    {
      name: 'a broken regular expression',
      schema: spec({ x: { ...text, ...rules('self.matches("[")') } }),
      want: [expect.stringContaining('compilation failed: invalid matches argument: ')],
    },
    {
      name: 'nested loops without limits',
      schema: spec(
        { l: { type: 'array', items: text } },
        rules('self.l.all(a, self.l.all(b, a == b || a != b))'),
      ),
      want: [
        expect.stringMatching(
          /x-kubernetes-validations\[0\]\.rule: Forbidden: estimated rule cost exceeds budget by factor of more than 100x \(try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared\)$/,
        ),
        expect.stringMatching(/contributed to estimated rule cost total/),
        expect.stringMatching(/^schema: Forbidden: x-kubernetes-validations estimated rule cost total/),
      ],
    },
  ]

  test.each(broken)('$name', ({ schema, want }) => {
    expect(compileErrors(schema)).toEqual(want)
  })

  test('the same loops with limits are allowed', () => {
    const schema = spec(
      { l: { type: 'array', maxItems: 64, items: { ...text, maxLength: 63 } } },
      rules('self.l.all(a, self.l.exists_one(b, a == b))'),
    )
    expect(compileErrors(schema)).toEqual([])
    expect(refusals(schema, { l: ['a', 'b'] })).toEqual([])
    expect(refusals(schema, { l: ['a', 'a'] })).toHaveLength(1)
  })

  test('a default that breaks a rule', () => {
    const schema = spec({ x: { ...whole, default: 5, ...rules('self < 3') } })
    expect(compileErrors(schema)).toEqual([
      'schema.properties[spec].properties[x].default: Invalid value: 5: failed rule: self < 3',
    ])
  })
})

test('variables of loops may have the names of functions and types', () => {
  const schema = spec(
    { ips: { type: 'array', maxItems: 5, items: { ...text, maxLength: 40 } } },
    rules(
      'self.ips.all(ip, isIP(ip)) && self.ips.all(format, format != "") && self.ips.all(list, list != "")',
    ),
  )
  expect(refusals(schema, { ips: ['10.0.0.1'] })).toEqual([])
  expect(refusals(schema, { ips: ['10.0.0'] })).toHaveLength(1)
})

test('rules that are too expensive for an object stop, and nothing is let through', () => {
  const schema = spec(
    {
      l: { type: 'array', maxItems: 100, items: whole },
      m: {
        type: 'array',
        maxItems: 100,
        items: { ...text, maxLength: 100 },
        ...rules('self.all(a, self.all(b, true))'),
      },
    },
    rules('self.l.all(a, self.l.all(b, self.l.all(c, a + b + c > 0)))'),
  )
  const many = Array.from({ length: 100 }, (_, index) => index + 1)
  expect(refusals(schema, { l: many })).toEqual([
    'spec: Invalid value: "object": \'operation cancelled: actual cost limit exceeded\': no further validation rules will be run due to call cost exceeds limit for rule: self.l.all(a, self.l.all(b, self.l.all(c, a + b + c > 0)))',
  ])
  expect(refusals(schema, { l: many.slice(0, 10) })).toEqual([])
})
