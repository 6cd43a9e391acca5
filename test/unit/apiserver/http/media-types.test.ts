import { describe, expect, test } from 'vitest'
import { negotiate, parseAccept } from '../../../../apiserver/http/media-types.ts'

describe('negotiate', () => {
  test.each([
    [undefined, { as: 'object', yaml: false }],
    ['*/*', { as: 'object', yaml: false }],
    ['application/json', { as: 'object', yaml: false }],
    ['application/yaml', { as: 'object', yaml: true }],
    ['application/vnd.kubernetes.protobuf,application/json', { as: 'object', yaml: false }],
    [
      'application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json',
      { as: 'table', version: 'v1' },
    ],
    ['application/json;as=Table;v=v2;g=meta.k8s.io,application/json', { as: 'object', yaml: false }],
    [
      'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io',
      { as: 'metadata', list: false, version: 'v1' },
    ],
    ['application/yaml;q=0.1,application/json;q=0.9', { as: 'object', yaml: false }],
  ])('%s', (header, expected) => {
    expect(negotiate(header)).toEqual(expected)
  })

  test.each(['image/png', 'application/json;as=Table;v=v1;g=other', 'text/html'])('refuses %s', (header) => {
    expect(() => negotiate(header)).toThrow('only the following media types are accepted')
  })
})

test('entries come in order of quality, then of place', () => {
  expect(parseAccept('a/a;q=0.2, b/b, c/c').map(({ type }) => type)).toEqual(['b/b', 'c/c', 'a/a'])
})
