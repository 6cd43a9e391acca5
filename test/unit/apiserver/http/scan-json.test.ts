import fc from 'fast-check'
import { expect, test } from 'vitest'
import { scanJson } from '../../../../apiserver/http/scan-json.ts'

test.each([
  ['{}', []],
  ['{"a":1,"b":{"a":2}}', []],
  ['{"a":1,"a":2}', ['a']],
  ['{"spec":{"x":1,"y":2,"x":3}}', ['spec.x']],
  ['{"list":[{"n":1},{"n":1,"n":2}]}', ['list[1].n']],
  ['{"a":"b\\"c","a":1}', ['a']],
  ['{"a":"\\\\","b":{"c":1,"c":2}}', ['b.c']],
  ['{"\\u0061":1,"a":2}', ['a']],
  ['[[{"x":[],"x":{}}]]', ['[0][0].x']],
  ['{"a":"a","b":"a"}', []],
])('%s has the duplicates %j', (text, duplicates) => {
  expect(scanJson(text).duplicates).toEqual(duplicates)
})

test('depth counts open brackets, not those in strings', () => {
  expect(scanJson('{"a":[[{"b":"[[[["}]]}').depth).toBe(4)
  expect(scanJson('['.repeat(100_000)).depth).toBe(100_000)
})

test('what JSON.stringify writes has no duplicates', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      expect(scanJson(JSON.stringify(value)).duplicates).toEqual([])
    }),
  )
})

test('anything at all is scanned without an error', () => {
  fc.assert(fc.property(fc.string(), (text) => scanJson(text).depth >= 0))
})
