import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { FieldSelector, parseFieldSelector } from '../../../../apimachinery/selectors/field-selector.ts'

const fields: Record<string, string> = { 'metadata.name': 'vm-1', 'status.phase': 'Running' }
const get = (path: string) => fields[path]

const matching: [string, boolean][] = [
  ['', true],
  ['metadata.name=vm-1', true],
  ['metadata.name==vm-1', true],
  ['metadata.name!=vm-1', false],
  ['status.phase!=Failed,metadata.name=vm-1', true],
  ['spec.hostName=', true],
  ['spec.hostName!=', false],
  ['=', true],
]

const complaints: [string, string][] = [
  ['metadata.name', "invalid selector: 'metadata.name'; can't understand 'metadata.name'"],
  ['a=b=c', 'invalid field selector: unescaped character in value: 61'],
  ['a=\\x', 'invalid field selector: invalid escape sequence: \\x'],
  ['a=b\\', 'invalid field selector: invalid escape sequence: \\'],
]

describe('field selector', () => {
  test.each(matching)('%s matches: %s', (text, matches) => {
    expect(parseFieldSelector(text).matches(get)).toBe(matches)
  })

  test.each(complaints)('refuses %s with the wording of Kubernetes', (text, message) => {
    expect(() => parseFieldSelector(text)).toThrow(expect.objectContaining({ reason: 'BadRequest', message }))
  })

  test('tells the single name that it selects', () => {
    expect(parseFieldSelector('metadata.namespace=a,metadata.name=b').exact('metadata.name')).toBe('b')
    expect(parseFieldSelector('metadata.name!=b').exact('metadata.name')).toBeUndefined()
  })

  test('any value survives being written and parsed', () => {
    fc.assert(
      fc.property(fc.constantFrom('=' as const, '!=' as const), fc.string(), (op, value) => {
        const selector = new FieldSelector([{ path: 'spec.x', op, value }])
        expect(parseFieldSelector(String(selector)).requirements).toEqual(selector.requirements)
      }),
    )
  })
})
