import { describe, expect, test } from 'vitest'
import { humanDuration } from '../../../../apiserver/table/age.ts'
import { builtInColumns } from '../../../../apiserver/table/built-in-columns.ts'
import { tableColumns } from '../../../../apiserver/table/columns.ts'
import { compileJsonPath } from '../../../../apimachinery/json-path.ts'
import { toTable } from '../../../../apiserver/table/table.ts'
import type { Json, JsonObject } from '../../../../crds/meta/json.ts'

const now = Date.parse('2026-01-02T00:00:00Z')
const [s, m, h, d, y] = [1, 60, 3600, 86400, 365 * 86400]

describe('age', () => {
  test.each([
    [-5 * s, '<invalid>'],
    [-1 * s, '0s'],
    [0, '0s'],
    [119 * s, '119s'],
    [2 * m, '2m'],
    [5 * m + 3 * s, '5m3s'],
    [10 * m + 3 * s, '10m'],
    [179 * m, '179m'],
    [3 * h, '3h'],
    [3 * h + 5 * m, '3h5m'],
    [9 * h + 5 * m, '9h'],
    [47 * h, '47h'],
    [2 * d, '2d'],
    [3 * d + 4 * h, '3d4h'],
    [8 * d + 4 * h, '8d'],
    [700 * d, '700d'],
    [2 * y + 20 * d, '2y20d'],
    [9 * y + 20 * d, '9y'],
  ])('of %d seconds is %s', (seconds, want) => {
    expect(humanDuration(seconds * 1000)).toBe(want)
  })
})

const object: Json = {
  metadata: { name: 'vm', labels: { 'kvorum.dev/role': 'db', 'foo.bar': 'x' } },
  spec: {
    nics: [
      { name: 'a', mtu: 1500 },
      { name: 'b', mtu: 9000 },
    ],
    on: true,
  },
  status: {
    conditions: [
      { type: 'Ready', status: 'True' },
      { type: 'Live', status: 'False', reason: 'a)b' },
    ],
  },
}

describe('JSONPath', () => {
  test.each<[string, Json[]]>([
    ['.metadata.name', ['vm']],
    ['$.metadata.name', ['vm']],
    ['.metadata.labels.foo\\.bar', ['x']],
    ['.metadata.labels.kvorum\\.dev/role', ['db']],
    [".metadata.labels['foo.bar']", ['x']],
    [".metadata.labels['foo\\.bar']", ['x']],
    ['.spec.nics[0].name', ['a']],
    ['.spec.nics[-1].name', ['b']],
    ['.spec.nics[*].name', ['a', 'b']],
    ['.spec.nics[0:1].name', ['a']],
    ['.spec.nics[1:].name', ['b']],
    ['.status.conditions[?(@.type=="Ready")].status', ['True']],
    [".status.conditions[?(@.type=='Live')].status", ['False']],
    ['.status.conditions[?(@.type != "Ready")].status', ['False']],
    ['.status.conditions[?(@.reason=="a)b")].type', ['Live']],
    ['.status.conditions[?(@.reason)].type', ['Live']],
    ['.status.conditions[?(@.type=~"^R.*y$")].status', ['True']],
    ['.spec.nics[?(@.mtu>1500)].name', ['b']],
    ['.spec.nics[?(@.mtu<=1500)].name', ['a']],
    ['.spec.nics.*.name', ['a', 'b']],
    ['.spec.nics[0,1].name', ['a', 'b']],
    [".spec.nics[0]['name','mtu']", ['a', 1500]],
    [".metadata['name', 'labels.foo\\.bar']", ['vm', 'x']],
    ['..mtu', [1500, 9000]],
    ['.missing.field', []],
    ['.status.conditions[?(@.type=="Gone")].status', []],
    ['.constructor', []],
  ])('%s finds %j', (path, want) => {
    expect(compileJsonPath(path)(object)).toEqual(want)
  })

  test.each(['.a[', '.a[x]', '.a[?(@.b==)]', '.a[?(@.b=="c"]', 'a', '.a[1:2:0]'])('%s is refused', (path) => {
    expect(() => compileJsonPath(path)).toThrow(expect.objectContaining({ name: 'JsonPathError' }))
  })
})

describe('the columns of a custom resource', () => {
  const cells = (type: string, jsonPath: string, from: Json = object) =>
    tableColumns([{ name: 'X', type, jsonPath }]).map(({ cell }) => cell(from as JsonObject, now))[1]

  test.each<[string, string, Json]>([
    ['string', '.metadata.name', 'vm'],
    ['string', '.spec.nics[0].mtu', '1500'],
    ['string', '.spec.on', 'true'],
    ['string', '.spec.nics[0]', '{"mtu":1500,"name":"a"}'],
    ['string', '.spec.gone', null],
    ['string', '.spec.nics[9].name', null],
    ['integer', '.spec.nics[0].mtu', 1500],
    ['integer', '.metadata.name', null],
    ['boolean', '.spec.on', true],
    ['number', '.spec.nics[1].mtu', 9000],
  ])('of type %s over %s show %j', (type, path, want) => {
    expect(cells(type, path)).toEqual(want)
  })

  test('dates show as ages', () => {
    expect(cells('date', '.t', { t: '2026-01-01T23:54:57Z' })).toBe('5m3s')
    expect(cells('date', '.t', { t: 'soon' })).toBe('<invalid>')
    expect(cells('date', '.t', {})).toBeNull()
  })

  test('are name and age when the definition has none', () => {
    const columns = tableColumns(undefined)
    expect(columns.map(({ definition }) => definition.name)).toEqual(['Name', 'Age'])
    const vm = { metadata: { name: 'vm', creationTimestamp: '2025-12-31T00:00:00Z' } }
    expect(columns.map(({ cell }) => cell(vm, now))).toEqual(['vm', '2d'])
  })

  test('keep priority and description of the definition', () => {
    const [, column] = tableColumns([
      { name: 'Host', type: 'string', jsonPath: '.status.host', priority: 1, description: 'Where it runs.' },
    ])
    expect(column?.definition).toEqual({
      name: 'Host',
      type: 'string',
      format: '',
      description: 'Where it runs.',
      priority: 1,
    })
  })
})

describe('a table', () => {
  const vm: JsonObject = { apiVersion: 'x/v1', kind: 'VM', metadata: { name: 'vm', uid: 'u' }, spec: {} }
  const request = {
    objects: [vm],
    columns: tableColumns(undefined),
    metadata: { resourceVersion: '7', continue: 'c' },
    now,
  }

  test('carries the metadata of each object unless asked otherwise', () => {
    expect(toTable(request)).toMatchObject({
      kind: 'Table',
      apiVersion: 'meta.k8s.io/v1',
      metadata: { resourceVersion: '7', continue: 'c' },
      columnDefinitions: [{ name: 'Name', format: 'name' }, { name: 'Age' }],
      rows: [
        {
          cells: ['vm', null],
          object: {
            kind: 'PartialObjectMetadata',
            apiVersion: 'meta.k8s.io/v1',
            metadata: { name: 'vm', uid: 'u' },
          },
        },
      ],
    })
  })

  test('carries the whole object, or none', () => {
    expect(toTable({ ...request, includeObject: 'Object' })['rows']).toEqual([
      { cells: ['vm', null], object: vm },
    ])
    expect(toTable({ ...request, includeObject: 'None' })['rows']).toEqual([
      { cells: ['vm', null], object: null },
    ])
  })

  test('leaves out the headers on request', () => {
    expect(toTable({ ...request, noHeaders: true })['columnDefinitions']).toBeNull()
  })
})

describe('the columns of built-in kinds', () => {
  const row = (group: string, kind: string, from: JsonObject) => {
    const metadata = { name: 'x', creationTimestamp: '2026-01-01T23:59:00Z' }
    return builtInColumns(group, kind)?.map(({ cell }) => cell({ metadata, ...from }, now))
  }
  const cases: [string, string, JsonObject, Json[]][] = [
    ['', 'Namespace', { status: { phase: 'Active' } }, ['x', 'Active', '60s']],
    ['', 'ConfigMap', { data: { a: '1' }, binaryData: { b: '' } }, ['x', 2, '60s']],
    ['', 'Secret', { type: 'Opaque', data: { a: '' } }, ['x', 'Opaque', 1, '60s']],
    ['', 'ServiceAccount', {}, ['x', 0, '60s']],
    [
      '',
      'ResourceQuota',
      {
        status: {
          hard: { 'requests.cpu': '4', 'limits.cpu': '8', pods: '9' },
          used: { 'requests.cpu': '1', 'limits.cpu': '2' },
        },
      },
      ['x', 'pods: 0/9, requests.cpu: 1/4', 'limits.cpu: 2/8', '60s'],
    ],
    ['coordination.k8s.io', 'Lease', { spec: { holderIdentity: 'me' } }, ['x', 'me', '60s']],
    ['apiextensions.k8s.io', 'CustomResourceDefinition', {}, ['x', '2026-01-01T23:59:00Z']],
    [
      'rbac.authorization.k8s.io',
      'RoleBinding',
      {
        roleRef: { kind: 'Role', name: 'r' },
        subjects: [
          { kind: 'User', name: 'u' },
          { kind: 'ServiceAccount', namespace: 'n', name: 's' },
        ],
      },
      ['x', 'Role/r', '60s', 'u', '', 'n/s'],
    ],
    [
      'certificates.k8s.io',
      'CertificateSigningRequest',
      {
        spec: { signerName: 's', username: 'u', expirationSeconds: 3600 },
        status: { conditions: [{ type: 'Approved' }], certificate: 'c' },
      },
      ['x', '60s', 's', 'u', '60m', 'Approved,Issued'],
    ],
    [
      'admissionregistration.k8s.io',
      'ValidatingAdmissionPolicy',
      { spec: { validations: [{}] } },
      ['x', 1, '<unset>', '60s'],
    ],
    [
      '',
      'Event',
      {
        type: 'Normal',
        reason: 'Started',
        message: 'Started vm\n',
        involvedObject: { kind: 'VirtualMachine', name: 'vm' },
        source: { component: 'daemon', host: 'h1' },
        firstTimestamp: '2026-01-01T23:00:00Z',
        lastTimestamp: '2026-01-01T23:59:30Z',
        count: 3,
      },
      ['30s', 'Normal', 'Started', 'virtualmachine/vm', '', 'daemon, h1', 'Started vm', '60m', 3, 'x'],
    ],
    [
      'events.k8s.io',
      'Event',
      {
        type: 'Warning',
        reason: 'R',
        note: 'N',
        regarding: { kind: 'Host', name: 'h' },
        reportingController: 'c',
        eventTime: '2026-01-01T23:59:50.000000Z',
      },
      ['10s', 'Warning', 'R', 'host/h', '', 'c', 'N', '10s', 1, 'x'],
    ],
  ]
  test.each(cases)('%s %s', (group, kind, from, want) => {
    expect(row(group, kind, from)).toEqual(want)
  })

  test('other kinds have none', () => {
    expect(builtInColumns('kvorum.dev', 'VirtualMachine')).toBeUndefined()
  })
})
