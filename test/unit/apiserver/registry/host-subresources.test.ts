import { expect, test } from 'vitest'
import { defaultAuditPolicy } from '../../../../apiserver/audit/policy.ts'
import { defaultRoles } from '../../../../apiserver/authorization/default-roles.ts'
import { hostHandlers } from '../../../../apiserver/console/host-handlers.ts'
import { hostSubresources, hostSubresourcesOf } from '../../../../apiserver/registry/host-subresources.ts'
import { apiResourceOf } from '../../../../apiserver/discovery/api-resource.ts'
import type { RequestContext } from '../../../../apiserver/http/exchange.ts'
import { parseRequestInfo } from '../../../../apiserver/http/request-info.ts'
import { openApiV3ForGroupVersion } from '../../../../apiserver/openapi/v3.ts'
import { builtInKinds } from '../../../../apiserver/registry/builtin/kinds.ts'

const [some] = builtInKinds
if (some === undefined) throw new Error('no kind is built in')
const runs = {
  ...some,
  group: 'kvorum.dev',
  version: 'v1alpha1',
  kind: 'VirtualMachineInstance',
  plural: 'virtualmachineinstances',
  namespaced: true,
  subresources: {},
}

test('only runs have them', () => {
  expect(hostSubresourcesOf(runs)).toEqual(['console', 'screenshot', 'vnc'])
  expect(hostSubresourcesOf({ ...runs, plural: 'virtualmachines' })).toEqual([])
  expect(hostSubresourcesOf({ ...runs, group: 'example.com' })).toEqual([])
})

test('discovery lists them', () => {
  expect(apiResourceOf(runs).subresources).toEqual([
    { name: 'console', verbs: ['get'] },
    { name: 'screenshot', verbs: ['get'] },
    { name: 'vnc', verbs: ['get'] },
  ])
})

test('OpenAPI describes them', () => {
  const resource = { ...runs, subresources: [], connections: hostSubresourcesOf(runs), schema: {} }
  const { paths } = openApiV3ForGroupVersion({
    group: 'kvorum.dev',
    version: 'v1alpha1',
    resources: [resource],
  })

  const at = '/apis/kvorum.dev/v1alpha1/namespaces/{namespace}/virtualmachineinstances/{name}/vnc'
  expect(paths).toMatchObject({
    [at]: {
      get: {
        operationId: 'connectGetKvorumDevV1alpha1NamespacedVirtualMachineInstanceVnc',
        'x-kubernetes-action': 'connect',
      },
    },
  })
})

test('editors have them, viewers do not, and the audit log keeps them', () => {
  const grants = (name: string) => JSON.stringify(defaultRoles.find((role) => role.name === name)?.rules)
  const audited = JSON.stringify(defaultAuditPolicy.rules)
  for (const part of hostSubresources) {
    expect(grants('kvorum:aggregate-to-edit')).toContain(`virtualmachineinstances/${part}`)
    expect(grants('kvorum:aggregate-to-view')).not.toContain(part)
    expect(audited).toContain(`*/${part}`)
  }
})

test.each([
  ['console', 'GET', 400, /lacks its upgrade/],
  ['vnc', 'GET', 400, /lacks its upgrade/],
  ['vnc', 'POST', 405, /opened with GET/],
])('a plain request for %s by %s is told what it lacks', async (part, method, code, message) => {
  const handlers = hostHandlers({ admit: async () => {}, read: async () => undefined, dial: undefined })
  const path = `/apis/kvorum.dev/v1alpha1/namespaces/lab/virtualmachineinstances/vm/${part}`
  const info = parseRequestInfo(method, path, new URLSearchParams())

  await expect(
    handlers[`kvorum.dev/virtualmachineinstances/${part}`]?.({ info } as RequestContext),
  ).rejects.toEqual(expect.objectContaining({ code, message: expect.stringMatching(message) as string }))
})
