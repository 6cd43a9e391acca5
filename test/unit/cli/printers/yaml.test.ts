import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import type { Json } from '../../../../crds/meta/json.ts'
import { formatYaml } from '../../../../cli/printers/yaml.ts'

const long = 'a sentence that is so long that it has to go on in the next line, and then in another one, too'

/** As kubectl 1.32 wrote them. */
const texts: [text: string, written: string][] = [
  ['plain', 'plain'],
  ['yes', '"yes"'],
  ['TRUE', '"TRUE"'],
  ['tRue', 'tRue'],
  ['n', '"n"'],
  ['~', '"~"'],
  ['1', '"1"'],
  ['1.', '"1."'],
  ['.5', '".5"'],
  ['1e3', '"1e3"'],
  ['1e', '1e'],
  ['1_000', '"1_000"'],
  ['0x1F', '"0x1F"'],
  ['010', '"010"'],
  ['12:30:45', '"12:30:45"'],
  ['2020-01-01', '"2020-01-01"'],
  ['2020-1', '2020-1'],
  ['2020-01-01T00:00:00Z', '"2020-01-01T00:00:00Z"'],
  ['v1.0', 'v1.0'],
  ['.', '.'],
  ['=', '='],
  ['<<', '<<'],
  ['-', "'-'"],
  ['-a', '-a'],
  ['- a', "'- a'"],
  ['? a', "'? a'"],
  ['---', "'---'"],
  ['*a', "'*a'"],
  ['%a', "'%a'"],
  [',a', "',a'"],
  ['a: b', "'a: b'"],
  ['a:b', 'a:b'],
  ['a:', "'a:'"],
  ['a #b', "'a #b'"],
  ['a#b', 'a#b'],
  ["it's", "it's"],
  ["'b'", "'''b'''"],
  ['"b"', `'"b"'`],
  ['', '""'],
  [' ', "' '"],
  ['a ', "'a '"],
  ['a\\b', 'a\\b'],
  ['a\tb', '"a\\tb"'],
  ['a\rb', '"a\\rb"'],
  ['grün 日本', 'grün 日本'],
  ['😀', '"\\U0001F600"'],
  ['a\nb', '|-\n    a\n    b'],
  ['a\nb\n', '|\n    a\n    b'],
  ['a\n\n', '|+\n    a\n'],
  [' a\nb', '|2-\n     a\n    b'],
  ['a \nb', '"a \\nb"'],
  ['a\nb ', '"a\\nb "'],
]

describe('YAML', () => {
  test.each(texts)('writes %j as %s', (text, written) => {
    expect(formatYaml({ m: { k: text } })).toBe(`m:\n  k: ${written}\n`)
  })

  test('breaks long lines at the first space after the eightieth character', () => {
    expect(formatYaml({ text: long, list: [long] })).toBe(
      [
        'list:',
        '- a sentence that is so long that it has to go on in the next line, and then in another',
        '  one, too',
        'text: a sentence that is so long that it has to go on in the next line, and then in',
        '  another one, too',
        '',
      ].join('\n'),
    )
  })

  test('sorts keys: numbers by size, letters last', () => {
    expect(formatYaml({ k10: 1, k9: 1, kk: 1, 'a-b': 1, ab: 1, A: 1, '1': 1 })).toBe(
      '"1": 1\nA: 1\na-b: 1\nab: 1\nk9: 1\nk10: 1\nkk: 1\n',
    )
  })

  test('puts lists at the level of their key', () => {
    const value = { list: [{ b: 1, a: [] }, ['x', ['z']], {}, null], none: {} }

    expect(formatYaml(value)).toBe('list:\n- a: []\n  b: 1\n- - x\n  - - z\n- {}\n- null\nnone: {}\n')
  })

  test('reads back as what it was', () => {
    const text = fc.oneof(
      fc.string(),
      fc.string({
        unit: fc.constantFrom(' ', '\n', '\t', 'a', ':', '#', '-', "'", '"', '\\', '0', '1', 'e', '.'),
      }),
      fc.lorem({ maxCount: 40 }),
    )
    const { value } = fc.letrec<{ value: Json }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        text,
        fc.constantFrom<Json>(null, true, false, 0, -1, 1.5, 1e21),
        fc.array(tie('value'), { maxLength: 4 }),
        fc.dictionary(text, tie('value'), { maxKeys: 4, noNullPrototype: true }),
      ),
    }))
    fc.assert(
      fc.property(value, (object) => {
        expect(parse(formatYaml({ object }))).toEqual({ object })
      }),
      { numRuns: 500 },
    )
  })
})
