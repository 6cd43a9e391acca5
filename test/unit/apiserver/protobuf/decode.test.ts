import { describe, expect, test } from 'vitest'
import { decodeProtobuf, isProtobuf } from '../../../../apiserver/protobuf/decode.ts'

/* A tiny encoder, so that the bytes in the tests can be read. */
const varint = (value: number): number[] =>
  value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(value >>> 7)]
const bytes = (number: number, content: string | number[]): number[] => {
  const body = typeof content === 'string' ? [...Buffer.from(content)] : content
  return [...varint(number * 8 + 2), ...varint(body.length), ...body]
}
const integer = (number: number, value: number): number[] => [...varint(number * 8), ...varint(value)]
const envelope = (apiVersion: string, kind: string, message: number[]): Buffer =>
  Buffer.from([
    ...Buffer.from('k8s\0'),
    ...bytes(1, [...bytes(1, apiVersion), ...bytes(2, kind)]),
    ...bytes(2, message),
  ])

describe('decodeProtobuf', () => {
  test('a config map, empty fields left out', () => {
    const metadata = [
      ...bytes(1, 'x'),
      ...bytes(2, ''),
      ...integer(7, 0),
      ...bytes(8, []),
      ...bytes(11, [...bytes(1, 'k'), ...bytes(2, 'v')]),
    ]
    const data = (key: string, value: string) => bytes(2, [...bytes(1, key), ...bytes(2, value)])
    const message = [...bytes(1, metadata), ...data('a', '1'), ...data('b', ''), ...integer(4, 0)]
    expect(decodeProtobuf(envelope('v1', 'ConfigMap', message))).toEqual({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'x', labels: { k: 'v' } },
      data: { a: '1', b: '' },
      immutable: false,
    })
  })

  test('a lease, with times to the microsecond and an empty holder that says something', () => {
    const renewTime = [...integer(1, 1_700_000_000), ...integer(2, 123_456_789)]
    const spec = [...bytes(1, ''), ...integer(2, 15), ...bytes(4, renewTime)]
    expect(decodeProtobuf(envelope('coordination.k8s.io/v1', 'Lease', bytes(2, spec)))).toMatchObject({
      spec: { holderIdentity: '', leaseDurationSeconds: 15, renewTime: '2023-11-14T22:13:20.123456Z' },
    })
  })

  test('secrets in base64, quantities as text, lists in order', () => {
    const secret = decodeProtobuf(
      envelope('v1', 'Secret', bytes(2, [...bytes(1, 'k'), ...bytes(2, [0xff, 0])])),
    )
    expect(secret['data']).toEqual({ k: '/wA=' })
    const hard = bytes(1, [...bytes(1, 'configmaps'), ...bytes(2, bytes(1, '10'))])
    expect(decodeProtobuf(envelope('v1', 'ResourceQuota', bytes(2, hard)))['spec']).toEqual({
      hard: { configmaps: '10' },
    })
    const rule = bytes(2, [...bytes(1, 'get'), ...bytes(1, 'list'), ...bytes(3, 'pods')])
    expect(decodeProtobuf(envelope('rbac.authorization.k8s.io/v1', 'Role', rule))['rules']).toEqual([
      { verbs: ['get', 'list'], resources: ['pods'] },
    ])
  })

  test('options of a deletion belong to every group', () => {
    const message = [...integer(1, 0), ...bytes(2, bytes(1, 'some-uid')), ...bytes(4, 'Foreground')]
    expect(decodeProtobuf(envelope('any.group/v1', 'DeleteOptions', message))).toMatchObject({
      gracePeriodSeconds: 0,
      preconditions: { uid: 'some-uid' },
      propagationPolicy: 'Foreground',
    })
  })

  test('fields from the future are passed over', () => {
    const message = [
      ...bytes(99, 'new'),
      ...integer(98, 7),
      ...varint(97 * 8 + 5),
      0,
      0,
      0,
      0,
      ...varint(96 * 8 + 1),
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
    ]
    expect(decodeProtobuf(envelope('v1', 'ConfigMap', message))).toEqual({
      apiVersion: 'v1',
      kind: 'ConfigMap',
    })
  })

  test.each([
    ['a field that ends early', [0x0a, 0x05, 0x01]],
    ['a number without end', [0x08, ...Array.from({ length: 12 }, () => 0xff)]],
    ['text that is no UTF-8', bytes(1, bytes(1, [0xff]))],
    ['a kind of field that does not exist', [0x0f]],
  ])('%s is a bad request', (_, message) => {
    expect(() => decodeProtobuf(envelope('v1', 'ConfigMap', message))).toThrow('is not valid protobuf')
  })

  test('kinds that are not known are told', () => {
    expect(() => decodeProtobuf(envelope('v1', 'Pod', []))).toThrow(
      'protobuf bodies of kind "Pod" in version "v1"',
    )
  })

  test('the envelope is recognised', () => {
    expect([isProtobuf(Buffer.from('k8s\0x')), isProtobuf(Buffer.from('{}'))]).toEqual([true, false])
  })
})

describe('a CustomResourceDefinition in protobuf', () => {
  const double = (number: number, value: number): number[] => {
    const content = Buffer.alloc(8)
    content.writeDoubleLE(value)
    return [...varint(number * 8 + 1), ...content]
  }
  const json = (number: number, value: unknown) => bytes(number, bytes(1, JSON.stringify(value)))
  const typed = (type: string, ...more: number[][]) => [...bytes(5, type), ...more.flat()]
  const property = (name: string, schema: number[]) => bytes(29, [...bytes(1, name), ...bytes(2, schema)])
  const crd = (schema: number[], version: number[] = []) => {
    const wrapped = bytes(4, bytes(1, schema))
    const versions = bytes(7, [...bytes(1, 'v1'), ...integer(2, 1), ...integer(3, 0), ...wrapped, ...version])
    return envelope('apiextensions.k8s.io/v1', 'CustomResourceDefinition', bytes(2, versions))
  }
  const versionOf = (body: Buffer) =>
    (decodeProtobuf(body) as { spec?: { versions?: object[] } }).spec?.versions?.[0]

  test('says what its JSON would say', () => {
    const schema = typed(
      'object',
      property('size', typed('number', double(9, 1.5), json(8, 0), integer(37, 1))),
      property('list', typed('array', bytes(24, bytes(1, typed('string'))), bytes(42, 'set'))),
      property('open', typed('object', bytes(30, integer(1, 0)))),
      property('map', typed('object', bytes(30, [...integer(1, 1), ...bytes(2, typed('string'))]))),
      property('mode', typed('string', json(20, 'a'), json(20, 'b'))),
      property('any', integer(38, 1)),
      bytes(44, [...bytes(1, 'self.size > 0'), ...bytes(2, 'must be positive')]),
    )
    const column = bytes(6, [...bytes(1, 'Size'), ...bytes(2, 'number'), ...bytes(6, '.size')])
    const scale = bytes(2, [...bytes(1, '.spec.a'), ...bytes(2, '.status.a')])

    expect(versionOf(crd(schema, [...column, ...bytes(5, [...bytes(1, []), ...scale])]))).toEqual({
      name: 'v1',
      served: true,
      storage: false,
      subresources: {
        status: {},
        scale: { specReplicasPath: '.spec.a', statusReplicasPath: '.status.a' },
      },
      additionalPrinterColumns: [{ name: 'Size', type: 'number', jsonPath: '.size' }],
      schema: {
        openAPIV3Schema: {
          type: 'object',
          properties: {
            size: { type: 'number', maximum: 1.5, default: 0, nullable: true },
            list: { type: 'array', items: { type: 'string' }, 'x-kubernetes-list-type': 'set' },
            open: { type: 'object', additionalProperties: false },
            map: { type: 'object', additionalProperties: { type: 'string' } },
            mode: { type: 'string', enum: ['a', 'b'] },
            any: { 'x-kubernetes-preserve-unknown-fields': true },
          },
          'x-kubernetes-validations': [{ rule: 'self.size > 0', message: 'must be positive' }],
        },
      },
    })
  })

  test('may not nest without end', () => {
    let schema = typed('object')
    for (let depth = 0; depth < 600; depth++) schema = typed('object', bytes(28, schema))

    expect(() => decodeProtobuf(crd(schema))).toThrow('the body of the request is nested too deep')
  })
})

test('rules of webhooks, whose inner message stands in the outer object', () => {
  const rule = [...bytes(1, 'CREATE'), ...bytes(2, [...bytes(1, 'apps'), ...bytes(3, '*')])]
  const webhook = bytes(2, [...bytes(1, 'a.b.c'), ...bytes(3, rule)])
  const body = envelope('admissionregistration.k8s.io/v1', 'ValidatingWebhookConfiguration', webhook)

  expect(decodeProtobuf(body)['webhooks']).toEqual([
    { name: 'a.b.c', rules: [{ operations: ['CREATE'], apiGroups: ['apps'], resources: ['*'] }] },
  ])
})
