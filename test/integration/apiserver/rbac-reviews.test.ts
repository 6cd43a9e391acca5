import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestApiServer, type TestApiServer } from '../../support/apiserver.ts'
import { ApiClient } from './api-client.ts'

let server: TestApiServer
let api: ApiClient

beforeAll(async () => {
  server = await startTestApiServer()
  api = new ApiClient(server)
})

afterAll(async () => {
  api?.close()
  await server?.close()
})

test('a local review asks about its own namespace alone', async () => {
  const ask = (resourceAttributes: object | undefined, more: object = {}) =>
    api.post('/apis/authorization.k8s.io/v1/namespaces/default/localsubjectaccessreviews', {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'LocalSubjectAccessReview',
      metadata: { namespace: 'default' },
      spec: { user: 'carl', ...(resourceAttributes && { resourceAttributes }), ...more },
    })
  const wanted = { verb: 'get', resource: 'configmaps' }
  const good = await ask({ ...wanted, namespace: 'default' })
  expect({ code: good.code, status: good.body.status }).toEqual({ code: 201, status: { allowed: false } })
  const other = await ask({ ...wanted, namespace: 'other' })
  expect({ code: other.code, message: other.body.message }).toEqual({
    code: 400,
    message: 'spec.resourceAttributes.namespace must match namespace: default',
  })
  const path = await ask(undefined, { nonResourceAttributes: { path: '/metrics', verb: 'get' } })
  expect(path.code).toBe(422)
  expect(path.body.message).toContain('disallowed on this kind of request')
})

test('a review asks with the groups of whom it is about, and with what a list selects', async () => {
  const ask = async (spec: object) =>
    (
      await api.post('/apis/authorization.k8s.io/v1/subjectaccessreviews', {
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'SubjectAccessReview',
        spec,
      })
    ).body.status
  expect(
    await ask({ groups: ['system:masters'], nonResourceAttributes: { path: '/x', verb: 'get' } }),
  ).toEqual({
    allowed: true,
  })
  // A daemon may list machines that are placed on its host, and no others.
  const daemon = { user: 'system:node:a', groups: ['system:nodes'] }
  const list = { verb: 'list', group: 'kvorum.dev', resource: 'virtualmachineinstances' }
  const placed = (host: string) => ({
    fieldSelector: { requirements: [{ key: 'spec.hostName', operator: 'In', values: [host] }] },
  })
  expect((await ask({ ...daemon, resourceAttributes: { ...list, ...placed('a') } })).allowed).toBe(true)
  expect((await ask({ ...daemon, resourceAttributes: { ...list, ...placed('b') } })).allowed).toBe(false)
  const raw = { fieldSelector: { rawSelector: 'spec.hostName=a' } }
  expect((await ask({ ...daemon, resourceAttributes: { ...list, ...raw } })).allowed).toBe(true)
})
