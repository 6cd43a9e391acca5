import { describe, expect, test } from 'vitest'
import {
  mandatoryFlowSchemas,
  suggestedFlowSchemas,
} from '../../../../apiserver/fairness/default-configuration.ts'
import { byPrecedence, matcherOf } from '../../../../apiserver/fairness/match-flow.ts'
import type { UserInfo } from '../../../../apiserver/http/exchange.ts'
import { parseRequestInfo } from '../../../../apiserver/http/request-info.ts'

const schemas = [...mandatoryFlowSchemas, ...suggestedFlowSchemas].map(matcherOf).toSorted(byPrecedence)

const user = (name: string, ...groups: string[]): UserInfo => ({
  name,
  groups: [...groups, 'system:authenticated'],
})
const daemon = user('system:node:host-1', 'system:nodes')
const controllers = user('kvorum:controllers', 'kvorum:programs')
const account = user('system:serviceaccount:shop:till', 'system:serviceaccounts')
const systemAccount = user('system:serviceaccount:kube-system:gc', 'system:serviceaccounts')
const leases = '/apis/coordination.k8s.io/v1/namespaces/kvorum-hosts/leases/x'

describe('the default configuration', () => {
  test.each<[string, UserInfo, string, string, string]>([
    ['an administrator', user('root', 'system:masters'), 'GET', '/api/v1/secrets', 'exempt'],
    ['a probe', user('joe'), 'GET', '/livez', 'probes'],
    ['a named probe', user('joe'), 'GET', '/livez/ping', 'global-default'],
    ['the lease of a host', daemon, 'PUT', leases, 'system-node-high'],
    ['the status of a host', daemon, 'PATCH', '/apis/kvorum.dev/v1alpha1/hosts/a/status', 'system-node-high'],
    ['the rest of a daemon', daemon, 'GET', '/apis/kvorum.dev/v1alpha1/networks', 'system-nodes'],
    ['the lease of controllers', controllers, 'PUT', leases, 'system-leader-election'],
    ['the deletion of a lease', controllers, 'DELETE', leases, 'kvorum-controllers'],
    ['an account of the system', systemAccount, 'GET', '/api/v1/nodes', 'kube-system-service-accounts'],
    ['any other account', account, 'GET', '/api/v1/secrets', 'service-accounts'],
    ['anybody', user('joe'), 'POST', '/api/v1/namespaces/default/secrets', 'global-default'],
    ['somebody in no group', { name: 'x', groups: [] }, 'GET', '/version', 'none'],
  ])('sorts %s', (...given) => {
    const [, who, method, path, expected] = given
    const info = parseRequestInfo(method, path, new URLSearchParams())

    expect(schemas.find((schema) => schema.matches({ user: who, info }))?.name ?? 'none').toBe(expected)
  })

  test('tells flows apart by user or by namespace', () => {
    const info = parseRequestInfo('GET', '/api/v1/namespaces/shop/secrets', new URLSearchParams())
    const flowOf = (name: string) =>
      schemas.find((schema) => schema.name === name)?.distinguish({ user: controllers, info })

    expect([flowOf('exempt'), flowOf('global-default'), flowOf('kvorum-controllers')]).toEqual([
      '',
      'kvorum:controllers',
      'shop',
    ])
  })
})
