import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ProtocolError } from '../../src/errors.ts'
import { XdrReader, XdrWriter } from '../../src/xdr.ts'

function written(write: (w: XdrWriter) => void): Buffer {
  const w = new XdrWriter()
  write(w)
  return w.finish()
}

describe('what is written is read back', () => {
  const int = fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff })
  test('numbers', () => {
    const numbers = fc.tuple(
      int,
      fc.nat(0xffff_ffff),
      fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n),
      fc.bigInt(0n, 2n ** 64n - 1n),
      fc.double(),
    )
    fc.assert(
      fc.property(numbers, ([a, b, c, d, e]) => {
        const bytes = written((w) => {
          w.int(a)
          w.uint(b)
          w.hyper(c)
          w.uhyper(d)
          w.double(e)
        })
        const r = new XdrReader(bytes)
        expect([r.int(), r.uint(), r.hyper(), r.uhyper(), r.double()]).toEqual([a, b, c, d, e])
        expect(r.remaining).toBe(0)
      }),
    )
  })

  test('strings, bytes, UUIDs, lists and absent values, each padded to four bytes', () => {
    const text = fc.string({ unit: 'grapheme' }).map((value) => value.replaceAll('\0', ''))
    fc.assert(
      fc.property(text, fc.uint8Array(), fc.uuid(), fc.array(int), fc.option(text), (...values) => {
        const [string, opaque, uuid, list, optional] = values
        const bytes = written((w) => {
          w.string(string)
          w.opaque(opaque, 1000)
          w.uuid(uuid)
          w.array(list, 1000, (inner, value) => inner.int(value))
          w.optionalString(optional)
        })
        expect(bytes.length % 4).toBe(0)
        const r = new XdrReader(bytes)
        const ints = () => r.array(1000, (inner) => inner.int())
        expect([r.string(), r.opaque(1000), r.uuid(), ints(), r.optionalString()]).toEqual(values)
      }),
    )
  })

  test('fixed and variable characters take four bytes each', () => {
    const bytes = written((w) => w.intBytes(Buffer.from('qemu\0\0'), 10))
    expect(bytes.length).toBe(4 + 6 * 4)
    expect(new XdrReader(bytes).varChars(10)).toBe('qemu')
    expect(new XdrReader(bytes, 4).chars(6)).toBe('qemu')
    expect(new XdrReader(bytes).intBytes(10)).toEqual(new Uint8Array([113, 101, 109, 117, 0, 0]))
  })

  test('a flag word with its highest bit set is negative in JavaScript and sent unsigned', () => {
    expect(written((w) => w.uint(1 << 31)).toString('hex')).toBe('80000000')
  })
})

describe('the reader refuses', () => {
  const bytes = (hex: string) => new XdrReader(Buffer.from(hex, 'hex'))
  test.each([
    ['an end in the middle of a number', () => bytes('0000').int()],
    ['a string longer than its packet', () => bytes('0000000561626364').string()],
    ['a string longer than its bound', () => bytes('0000000461626364').string(3)],
    ['a list longer than its bound', () => bytes('0000000200000000').array(1, (r) => r.int())],
    ['a list that cannot fit its packet', () => bytes('00ffffff00000000').array(0x0fff_ffff, (r) => r.int())],
    ['a presence flag of 2', () => bytes('0000000200000000').optional((r) => r.int())],
    ['bytes longer than their packet', () => bytes('7fffffff00').opaque(0x7fff_ffff)],
    ['characters longer than their packet', () => bytes('40000000').varChars(0x4000_0000)],
  ])('%s', (_name, read) => {
    expect(read).toThrow(ProtocolError)
  })
})

describe('the writer refuses what the protocol cannot carry', () => {
  const w = new XdrWriter()
  test.each<[string, () => void]>([
    ['NaN', () => w.int(Number.NaN)],
    ['a fraction', () => w.int(1.5)],
    ['33 bits', () => w.int(2 ** 32)],
    ['a negative unsigned number below 32 bits', () => w.uint(-(2 ** 32))],
    ['65 bits', () => w.uhyper(2n ** 64n)],
    ['a text with NUL', () => w.string('a\0b')],
    ['a text over its bound', () => w.string('ääää', 7)],
    ['a UUID of 31 digits', () => w.uuid('00112233-4455-6677-8899-aabbccddeef')],
    ['bytes over their bound', () => w.opaque(new Uint8Array(5), 4)],
    ['a list over its bound', () => w.array([1, 2], 1, () => {})],
  ])('%s', (_name, write) => {
    expect(write).toThrow(/expected|out of range/)
  })
})
