import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { StatusError } from '../../../../apimachinery/status-error.ts'
import { decodeBody, decodeObject } from '../../../../apiserver/http/decode-body.ts'

const decode = (text: string, type?: string) => decodeBody(Buffer.from(text), type)

async function faultOf(run: () => Promise<unknown>): Promise<unknown> {
  try {
    await run()
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
  ])('%s as %s', async (text, type, expected) => {
    expect((await decode(text, type)).value).toEqual(expected)
  })

  test('duplicates are told in YAML too', async () => {
    const { duplicates } = await decode('a: {b: 1, b: 2}\nc: [{d: 1, d: 2}]', 'application/yaml')
    expect(duplicates).toEqual(['a.b', 'c[0].d'])
  })

  test('long YAML is parsed beside everything else', async () => {
    const lines = Array.from({ length: 3000 }, (_, index) => `k${index}: v`)
    let turns = 0
    const counting = { on: true }
    const count = () => {
      turns += 1
      if (counting.on) setImmediate(count)
    }
    count()

    const { value, duplicates } = await decode([...lines, 'k0: w'].join('\n'), 'application/yaml')
    counting.on = false

    expect([value, duplicates]).toEqual([
      { ...Object.fromEntries(lines.map((line) => line.split(': '))), k0: 'w' },
      ['k0'],
    ])
    expect(turns).toBeGreaterThan(10)
  })

  test('long YAML that is none is refused like short one, and can be given up', async () => {
    const broken = `${'a: b\n'.repeat(10_000)}@: x`
    await expect(decode(broken, 'application/yaml')).rejects.toMatchObject({ code: 400 })
    const gone = new AbortController()
    const decoding = decodeBody(Buffer.from(broken), 'application/yaml', gone.signal)
    gone.abort(new Error('nobody wants it'))
    await expect(decoding).rejects.toThrow('nobody wants it')
  })

  test.each([
    ['{"__proto__":{}}', 'application/json'],
    ['{"a":{"\\u005f_proto__":1}}', 'application/json'],
    ['a: {__proto__: {x: 1}}', 'application/yaml'],
  ])('%s is refused', async (text, type) => {
    await expect(decode(text, type)).rejects.toThrow('the field name "__proto__" is not allowed')
  })

  test('an object is an object', async () => {
    await expect(decodeObject(Buffer.from('[]'), 'application/json')).rejects.toThrow('must be an object')
  })

  test('any bytes give a value or a Status, never another error', async () => {
    const types = fc.constantFrom(
      'application/json',
      'application/yaml',
      'application/vnd.kubernetes.protobuf',
      undefined,
    )
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), types, async (bytes, type) => {
        expect(await faultOf(() => decodeBody(Buffer.from(bytes), type))).toBe('none or a Status')
      }),
      { numRuns: 500 },
    )
  })

  test('any text is YAML or a Status, never another error', async () => {
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
    await fc.assert(
      fc.asyncProperty(fc.array(part, { maxLength: 40 }), async (parts) => {
        expect(await faultOf(() => decode(parts.join(''), 'application/yaml'))).toBe('none or a Status')
      }),
      { numRuns: 500 },
    )
  })
})
