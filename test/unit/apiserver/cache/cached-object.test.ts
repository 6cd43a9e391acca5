import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { atRevision, toCachedObject } from '../../../../apiserver/cache/cached-object.ts'
import { ParsedObjects } from '../../../../apiserver/cache/parsed-objects.ts'

const key = '/registry/kvorum.dev/virtualmachines/default/vm-1'

function cached(json: string, revision = 7) {
  return toCachedObject({ key, value: Buffer.from(json), revision }, new ParsedObjects(1000))
}

describe('a stored value becomes a cached object', () => {
  test.each([
    { name: 'metadata first', json: '{"metadata":{"name":"a"},"spec":{}}' },
    {
      name: 'metadata last, behind braces and quotes in strings',
      json: '{"a":"}{\\"metadata\\":{","b":[{"metadata":{}}],"metadata":{"name":"a"}}',
    },
    {
      name: 'metadata behind numbers and words',
      json: '{"a":-1.5e3,"b":null,"c":true,"metadata":{"name":"a"}}',
    },
    { name: 'white space everywhere', json: ' { "kind" : "X" ,\n "metadata" : {  "name" : "a" } } ' },
    { name: 'a backslash before the closing quote', json: '{"a":"\\\\","metadata":{"name":"a"}}' },
    { name: 'empty metadata', json: '{"metadata":{                                  }}' },
  ])('with $name', ({ json }) => {
    const item = cached(json)

    const before = JSON.parse(json) as { metadata: object }
    expect(item?.object).toEqual({ ...before, metadata: { ...before.metadata, resourceVersion: '7' } })
    expect(JSON.parse(item?.json.toString() ?? '')).toEqual(item?.object)
  })

  test('whose own resourceVersion does not count', () => {
    const item = cached('{"metadata":{"name":"a","resourceVersion":"3"}}')

    expect(item?.object).toEqual({ metadata: { name: 'a', resourceVersion: '7' } })
    expect(item?.json.toString()).toBe('{"metadata":{"resourceVersion":"7","name":"a"}}')
  })

  test.each([
    { name: 'protobuf', json: 'k8s\0\n\u000f\n\u0002v1' },
    { name: 'nothing', json: '' },
    { name: 'an array', json: '[{"metadata":{}}]' },
    { name: 'text', json: '"metadata"' },
    { name: 'an object without metadata', json: '{"kind":"X"}' },
    { name: 'metadata that is no object', json: '{"metadata":[]}' },
    { name: 'an object that breaks off', json: '{"metadata":{"name":"a"' },
    { name: 'an object that breaks off in a string', json: '{"kind":"X' },
    { name: 'garbage behind metadata', json: '{"metadata":{"name":"a"},}' },
  ])('but $name does not', ({ json }) => {
    expect(cached(json)).toBeUndefined()
  })

  test('whatever it holds', () => {
    const entries = fc.dictionary(fc.string(), fc.jsonValue(), { noNullPrototype: true })
    fc.assert(
      fc.property(entries, entries, fc.boolean(), (before, metadata, pretty) => {
        const value = JSON.stringify({ ...before, metadata }, undefined, pretty ? 2 : 0)

        const item = cached(value)

        const expected = JSON.parse(value) as { metadata: object }
        Object.defineProperty(expected.metadata, 'resourceVersion', { value: '7', enumerable: true })
        expect(JSON.stringify(item && sorted(item.object))).toBe(JSON.stringify(sorted(expected)))
        expect(JSON.parse(item?.json.toString() ?? '')).toEqual(item?.object)
      }),
    )
  })

  test('that is parsed again after it was forgotten', () => {
    const value = Buffer.from('{"metadata":{"name":"a","annotations":{"b":"c"}},"spec":{}}')
    const item = toCachedObject({ key, value, revision: 7 }, new ParsedObjects(0))

    expect(item?.object).toEqual({
      metadata: { name: 'a', annotations: { b: 'c' }, resourceVersion: '7' },
      spec: {},
    })
    expect(item?.object).not.toBe(item?.object)
    expect(item?.metadata).toEqual({ name: 'a', resourceVersion: '7' })
  })

  test('never throws on bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        const value = Buffer.concat([Buffer.from('{"a":'), bytes])
        toCachedObject({ key, value, revision: 1 }, new ParsedObjects(1000))
      }),
    )
  })
})

describe('the same object at another revision', () => {
  test.each([
    { name: 'as it was stored', json: '{"kind":"X","metadata":{"name":"a"},"spec":{"n":1}}' },
    { name: 'with empty metadata', json: '{"metadata":{}}' },
    {
      name: 'that had a resourceVersion of its own',
      json: '{"metadata":{"name":"a","resourceVersion":"3"}}',
    },
  ])('$name', ({ json }) => {
    const item = cached(json, 99)
    if (!item) throw new Error('not cached')

    const later = atRevision(item, 1234, new ParsedObjects(1000))

    expect(later.revision).toBe(1234)
    expect(later.object).toMatchObject({ metadata: { resourceVersion: '1234' } })
    expect(JSON.parse(later.json.toString())).toEqual(later.object)
    expect(item.object).toMatchObject({ metadata: { resourceVersion: '99' } })
    expect(item.json.toString()).toContain('"resourceVersion":"99"')
  })
})

/** The same value with its top-level and metadata keys in order. */
function sorted(value: object): unknown {
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([one], [other]) => (one < other ? -1 : 1))
      .map(([name, inner]) => [name, name === 'metadata' ? sorted(inner as object) : (inner as unknown)]),
  )
}
