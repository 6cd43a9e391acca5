import { describe, expect, test } from 'vitest'
import type { OpenApiGroupVersion } from '../../../../apiserver/openapi/resource.ts'
import { openApiHash, openApiV3ForGroupVersion, openApiV3Index } from '../../../../apiserver/openapi/v3.ts'
import { isJsonObject, type Json, type JsonObject } from '../../../../crds/meta/json.ts'
import { vmSchema } from '../schema/vm-schema.ts'

const verbs = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch']
const machines: OpenApiGroupVersion = {
  group: 'kvorum.dev',
  version: 'v1alpha1',
  resources: [
    {
      plural: 'virtualmachines',
      singular: 'virtualmachine',
      kind: 'VirtualMachine',
      listKind: 'VirtualMachineList',
      namespaced: true,
      verbs,
      subresources: ['status', 'scale'],
      schema: vmSchema(),
      shortNames: ['vm'],
    },
    {
      plural: 'hosts',
      singular: 'host',
      kind: 'Host',
      listKind: 'HostList',
      namespaced: false,
      verbs: ['get', 'list', 'watch'],
      subresources: [],
      schema: { type: 'object' },
      shortNames: [],
    },
  ],
}
const core: OpenApiGroupVersion = {
  group: '',
  version: 'v1',
  resources: [
    {
      plural: 'configmaps',
      singular: 'configmap',
      kind: 'ConfigMap',
      listKind: 'ConfigMapList',
      namespaced: true,
      verbs,
      subresources: [],
      schema: { type: 'object' },
      shortNames: [],
    },
  ],
}

const document = openApiV3ForGroupVersion(machines)
const collection = '/apis/kvorum.dev/v1alpha1/namespaces/{namespace}/virtualmachines'

function at(from: Json | undefined, ...path: string[]): Json | undefined {
  let value = from
  for (const key of path) value = isJsonObject(value) ? value[key] : undefined
  return value
}

function refsIn(value: Json | undefined): string[] {
  if (Array.isArray(value)) return value.flatMap(refsIn)
  if (!isJsonObject(value)) return []
  const own = typeof value['$ref'] === 'string' ? [value['$ref']] : []
  return [...own, ...Object.values(value).flatMap(refsIn)]
}

describe('the OpenAPI v3 document of a group and version', () => {
  test('has a path for every way to reach a resource', () => {
    expect(Object.keys(document['paths'] as JsonObject)).toEqual([
      '/apis/kvorum.dev/v1alpha1/',
      '/apis/kvorum.dev/v1alpha1/hosts',
      '/apis/kvorum.dev/v1alpha1/hosts/{name}',
      collection,
      `${collection}/{name}`,
      `${collection}/{name}/scale`,
      `${collection}/{name}/status`,
      '/apis/kvorum.dev/v1alpha1/virtualmachines',
    ])
  })

  test('names the kind on schemas and operations', () => {
    const gvk = { group: 'kvorum.dev', kind: 'VirtualMachine', version: 'v1alpha1' }
    const schema = at(document, 'components', 'schemas', 'dev.kvorum.v1alpha1.VirtualMachine')
    expect(at(schema, 'x-kubernetes-group-version-kind')).toEqual([gvk])
    expect(at(document, 'paths', collection, 'post', 'x-kubernetes-group-version-kind')).toEqual(gvk)
    expect(
      at(document, 'paths', `${collection}/{name}/scale`, 'patch', 'x-kubernetes-group-version-kind'),
    ).toEqual({
      group: 'autoscaling',
      kind: 'Scale',
      version: 'v1',
    })
  })

  test('lists the parameters of patches by which kubectl knows what the server can do', () => {
    const parameters = at(document, 'paths', `${collection}/{name}`, 'patch', 'parameters') as JsonObject[]
    expect(parameters.map(({ name }) => name)).toEqual(['dryRun', 'fieldManager', 'fieldValidation', 'force'])
  })

  test('offers strategic merge patch for built-in kinds only', () => {
    const types = (from: JsonObject, path: string) =>
      Object.keys(at(from, 'paths', path, 'patch', 'requestBody', 'content') as JsonObject)
    expect(types(document, `${collection}/{name}`)).toEqual([
      'application/json-patch+json',
      'application/merge-patch+json',
      'application/apply-patch+yaml',
    ])
    expect(
      types(openApiV3ForGroupVersion(core), '/api/v1/namespaces/{namespace}/configmaps/{name}'),
    ).toContain('application/strategic-merge-patch+json')
  })

  test('has only operations that the resource allows', () => {
    const item = at(document, 'paths', '/apis/kvorum.dev/v1alpha1/hosts/{name}') as JsonObject
    expect(Object.keys(item)).toEqual(['get', 'parameters'])
  })

  test('gives every operation an id of its own', () => {
    const ids = Object.values(document['paths'] as JsonObject)
      .flatMap((item) => Object.values(item as JsonObject).map((operation) => at(operation, 'operationId')))
      .filter((id) => id !== undefined)
    expect(new Set(ids).size).toBe(ids.length)
    expect(ids).toContain('patchKvorumDevV1alpha1NamespacedVirtualMachine')
  })

  test('refers only to schemas that are in it', () => {
    const names = Object.keys(at(document, 'components', 'schemas') as JsonObject)
    const missing = refsIn(document).filter(
      (ref) => !names.includes(ref.replace('#/components/schemas/', '')),
    )
    expect(missing).toEqual([])
  })

  test('describes embedded resources with the fields of every object', () => {
    const template = at(
      document,
      'components',
      'schemas',
      'dev.kvorum.v1alpha1.VirtualMachine',
      'properties',
      'spec',
      'properties',
      'template',
      'properties',
    )
    expect(Object.keys(template as JsonObject)).toEqual(['apiVersion', 'kind', 'metadata'])
  })

  test('keeps the rules and extensions of the schema', () => {
    const nics = at(
      document,
      'components',
      'schemas',
      'dev.kvorum.v1alpha1.VirtualMachine',
      'properties',
      'spec',
      'properties',
      'nics',
    )
    expect(nics).toMatchObject({
      'x-kubernetes-list-map-keys': ['name'],
      items: { oneOf: expect.any(Array) as unknown },
    })
  })
})

describe('the index', () => {
  test('tells where each document is, with its hash', () => {
    const json = Buffer.from(JSON.stringify(document))
    const index = openApiV3Index([
      { path: 'apis/kvorum.dev/v1alpha1', json },
      { path: 'api/v1', json: Buffer.from('{}') },
    ])
    expect(openApiHash(json)).toMatch(/^[0-9A-F]{128}$/)
    expect(at(index, 'paths', 'apis/kvorum.dev/v1alpha1', 'serverRelativeURL')).toBe(
      `/openapi/v3/apis/kvorum.dev/v1alpha1?hash=${openApiHash(json)}`,
    )
    expect(Object.keys(index['paths'] as JsonObject)).toEqual(['api/v1', 'apis/kvorum.dev/v1alpha1'])
  })
})
