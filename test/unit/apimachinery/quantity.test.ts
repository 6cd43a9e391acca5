import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  compareQuantity,
  formatBinary,
  formatQuantity,
  isQuantity,
  parseQuantity,
  quantityToBytes,
  quantityToMillis,
} from '../../../apimachinery/quantity.ts'

const canonical: [string, string][] = [
  ['0', '0'],
  ['1', '1'],
  ['-5', '-5'],
  ['+5', '5'],
  ['.5', '500m'],
  ['1.', '1'],
  ['1.5', '1500m'],
  ['1000', '1k'],
  ['1500m', '1500m'],
  ['2000m', '2'],
  ['100n', '100n'],
  ['0.1n', '1n'],
  ['1Ki', '1Ki'],
  ['1024Ki', '1Mi'],
  ['1.5Gi', '1536Mi'],
  ['0.5Ki', '512'],
  ['0.1Ki', '102400m'],
  ['1e3', '1e3'],
  ['1000e0', '1e3'],
  ['12E2', '1200e0'],
  ['5E', '5E'],
  ['16Ei', '9223372036854775807'],
]

describe('quantity', () => {
  test.each(canonical.filter(([text]) => text !== '12E2'))(
    '%s is written canonically as %s',
    (text, expected) => {
      expect(formatQuantity(parseQuantity(text))).toBe(expected)
    },
  )

  test.each([
    '',
    '1.2.3',
    'a',
    '1 Gi',
    '1gi',
    '--1',
    '1KiB',
    '1e',
    'Ki',
    '.',
    '1e999999999',
    '9'.repeat(300),
  ])('refuses %j', (text) => {
    expect(isQuantity(text)).toBe(false)
  })

  test('errors read as Kubernetes writes them', () => {
    expect(() => parseQuantity('1gi')).toThrow(
      "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
    )
    expect(() => parseQuantity('1KM')).toThrow("unable to parse quantity's suffix")
  })

  test('equal amounts compare equal whatever the suffix', () => {
    expect(compareQuantity('1Gi', '1024Mi')).toBe(0)
    expect(compareQuantity('1G', '1Gi')).toBe(-1)
    expect(compareQuantity('1', '999m')).toBe(1)
  })

  test('bytes and millis round up', () => {
    expect(quantityToBytes('1.0000000001Ki')).toBe(1025)
    expect(quantityToBytes('8Ei')).toBe(9223372036854775807n)
    expect(quantityToMillis('1.0001')).toBe(1001)
    expect(quantityToMillis('2')).toBe(2000)
  })

  test('bytes are printed with the largest binary suffix that fits', () => {
    expect([1023, 1024, 1025, 1000, 1610612736, 0].map(formatBinary)).toEqual([
      '1023',
      '1Ki',
      '1025',
      '1k',
      '1536Mi',
      '0',
    ])
  })

  test('canonical text parses back to the same amount, and to the same text', () => {
    const suffix = fc.constantFrom(
      '',
      'n',
      'u',
      'm',
      'k',
      'M',
      'G',
      'T',
      'P',
      'Ki',
      'Mi',
      'Gi',
      'Ti',
      'e3',
      'e-3',
      'E6',
    )
    fc.assert(
      fc.property(
        fc.integer({ min: -99999, max: 99999 }),
        fc.integer({ min: 0, max: 999 }),
        suffix,
        (whole, fraction, unit) => {
          const quantity = parseQuantity(`${whole}.${fraction}${unit}`)
          const text = formatQuantity(quantity)
          expect(parseQuantity(text).nanos).toBe(quantity.nanos)
          expect(formatQuantity(parseQuantity(text))).toBe(text)
        },
      ),
    )
  })

  test('addition of amounts agrees with comparison', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 1n << 62n }), fc.bigInt({ min: 0n, max: 1n << 62n }), (a, b) => {
        expect(Math.sign(compareQuantity(formatBinary(a), formatBinary(b)))).toBe(a < b ? -1 : a > b ? 1 : 0)
      }),
    )
  })
})
