import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { labelSelectorFrom, parseLabelSelector } from '../../../../apimachinery/selectors/label-selector.ts'

const labels = { app: 'web', tier: 'front', size: '7', empty: '' }

const matching: [string, boolean][] = [
  ['', true],
  ['app=web', true],
  ['app==web', true],
  ['app = web , tier = front', true],
  ['app=db', false],
  ['app!=db', true],
  ['missing!=db', true],
  ['app', true],
  ['!app', false],
  ['!missing', true],
  ['app in (db, web)', true],
  ['app notin (db,web)', false],
  ['missing notin (db)', true],
  ['missing in (db)', false],
  ['size>6', true],
  ['size<7', false],
  ['app>1', false],
  ['empty=', true],
  ['empty in ()', true],
  ['app=web,tier in (front),!missing', true],
  ['in in (in)', false],
]

const complaints: [string, string][] = [
  [',', "found ',', expected: !, identifier, or 'end of string'"],
  ['a,', "found '', expected: identifier after ','"],
  ['a=b c', "found 'c', expected: ',' or 'end of string'"],
  ['!x=y', "found '=', expected: ',' or 'end of string'"],
  ['a b', "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"],
  ['a in b', "unable to parse requirement: found 'b' expected: '('"],
  ['a=(', "unable to parse requirement: found '(', expected: identifier"],
  [
    'size>x',
    `unable to parse requirement: values[0]: Invalid value: "x": for 'Gt', 'Lt' operators, the value must be an integer`,
  ],
  [
    'a=@@',
    `unable to parse requirement: values[0][a]: Invalid value: "@@": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')`,
  ],
  [
    '-a=b',
    `unable to parse requirement: <nil>: Invalid value: "-a": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')`,
  ],
]

describe('label selector', () => {
  test.each(matching)('%s matches: %s', (text, matches) => {
    expect(parseLabelSelector(text).matches(labels)).toBe(matches)
  })

  test.each(complaints)('refuses %s with the wording of Kubernetes', (text, message) => {
    expect(() => parseLabelSelector(text)).toThrow(expect.objectContaining({ reason: 'BadRequest', message }))
  })

  test('an object without labels matches only what requires none', () => {
    expect(parseLabelSelector('!app').matches(undefined)).toBe(true)
    expect(parseLabelSelector('app').matches(undefined)).toBe(false)
  })

  test('inherited members of an object are no labels', () => {
    expect(parseLabelSelector('toString').matches({})).toBe(false)
    expect(parseLabelSelector('constructor notin (x)').matches({})).toBe(true)
  })

  test('a spec with labels and expressions compiles to one sorted conjunction', () => {
    const selector = labelSelectorFrom({
      matchLabels: { tier: 'front' },
      matchExpressions: [
        { key: 'app', operator: 'In', values: ['web', 'db'] },
        { key: 'gone', operator: 'DoesNotExist' },
      ],
    })
    expect(String(selector)).toBe('app in (db,web),!gone,tier=front')
    expect(selector.matches(labels)).toBe(true)
  })

  test('an operator that Kubernetes does not know is refused by name', () => {
    const expression = { key: 'a', operator: 'Like', values: ['b'] }
    expect(() => labelSelectorFrom({ matchExpressions: [expression] })).toThrow(
      '"Like" is not a valid label selector operator',
    )
  })

  test('the canonical text parses back to a selector with the same text and the same matches', () => {
    const word = fc.stringMatching(/^[a-z0-9]([a-z0-9.-]{0,6}[a-z0-9])?$/)
    const number = fc
      .integer({ min: -99, max: 99 })
      .map(String)
      .filter((text) => !text.startsWith('-'))
    const term = fc.oneof(
      fc.tuple(word, fc.constantFrom('=', '==', '!='), word).map((parts) => parts.join('')),
      fc
        .tuple(word, fc.constantFrom(' in ', ' notin '), fc.array(word, { minLength: 1, maxLength: 3 }))
        .map(([key, op, values]) => `${key}${op}(${values.join(', ')})`),
      fc.tuple(word, fc.constantFrom('>', '<'), number).map((parts) => parts.join('')),
      word,
      word.map((key) => `!${key}`),
    )
    const notOperators = (text: string) =>
      !/(^|[^a-z0-9.-])(in|notin)([^a-z0-9.-]|$)/.test(text.replace(/ (in|notin) \(/g, '('))
    fc.assert(
      fc.property(
        fc.array(term.filter(notOperators), { maxLength: 4 }),
        fc.dictionary(word, word),
        (terms, set) => {
          const selector = parseLabelSelector(terms.join(','))
          const again = parseLabelSelector(String(selector))
          expect(String(again)).toBe(String(selector))
          expect(again.matches(set)).toBe(selector.matches(set))
        },
      ),
    )
  })
})
