import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { StatusError } from '../../../../apimachinery/status-error.ts'
import { decodeBody, decodeObject } from '../../../../apiserver/http/decode-body.ts'

const decode = (text: string, type?: string) => decodeBody(Buffer.from(text), type)

function faultOf(run: () => unknown): unknown {
  try {
    run()
  } catch (error) {
    if (!(error instanceof StatusError)) return error
  }
  return 'none or a Status'
}

describe('decodeBody', () => {
  test.each([
    ['{"a":1}', 'application/json', { a: 1 }],
    ['{"a":1}', 'application/json; charset=utf-8', { a: 1 }],
    ['a: 1', 'application/yaml', { a: 1 }],
    ['{"a":1}', 'application/apply-patch+yaml', { a: 1 }],
    ['a: yes\nb: 0x10\nc: 1_000', 'application/yaml', { a: true, b: 16, c: 1000 }],
    ['a: 2026-01-02', 'application/yaml', { a: '2026-01-02' }],
    ['1: x', 'application/yaml', { '1': 'x' }],
    ['base: &b {x: 1}\nmore: {<<: *b, z: 2}', 'application/yaml', { base: { x: 1 }, more: { x: 1, z: 2 } }],
    [' {"a":1}', undefined, { a: 1 }],
    ['a: 1', undefined, { a: 1 }],
    ['[1]', 'application/json-patch+json', [1]],
  ])('%s as %s', (text, type, expected) => {
    expect(decode(text, type).value).toEqual(expected)
  })

  test('duplicates are told in YAML too', () => {
    expect(decode('a: {b: 1, b: 2}\nc: [{d: 1, d: 2}]', 'application/yaml').duplicates).toEqual([
      'a.b',
      'c[0].d',
    ])
  })

  test.each([
    ['{"__proto__":{}}', 'application/json'],
    ['{"a":{"\\u005f_proto__":1}}', 'application/json'],
    ['a: {__proto__: {x: 1}}', 'application/yaml'],
  ])('%s is refused', (text, type) => {
    expect(() => decode(text, type)).toThrow('the field name "__proto__" is not allowed')
  })

  test('an object is an object', () => {
    expect(() => decodeObject(Buffer.from('[]'), 'application/json')).toThrow('must be an object')
  })

  test('any bytes give a value or a Status, never another error', () => {
    const types = fc.constantFrom(
      'application/json',
      'application/yaml',
      'application/vnd.kubernetes.protobuf',
      undefined,
    )
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), types, (bytes, type) => {
        expect(faultOf(() => decodeBody(Buffer.from(bytes), type))).toBe('none or a Status')
      }),
      { numRuns: 500 },
    )
  })

  test('any text is YAML or a Status, never another error', () => {
    const part = fc.constantFrom(
      'a',
      ': ',
      '- ',
      '\n',
      '  ',
      '{',
      '}',
      '[',
      ']',
      '&a ',
      '*a',
      '"',
      "'",
      '|',
      '!!',
      '<<',
      ',',
      '#',
      '?',
    )
    fc.assert(
      fc.property(fc.array(part, { maxLength: 40 }), (parts) => {
        expect(faultOf(() => decode(parts.join(''), 'application/yaml'))).toBe('none or a Status')
      }),
      { numRuns: 500 },
    )
  })
})
