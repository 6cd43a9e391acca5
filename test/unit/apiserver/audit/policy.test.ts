import { describe, expect, test } from 'vitest'
import { scopeOf } from '../../../../apiserver/audit/policy-match.ts'
import { defaultAuditPolicy, parseAuditPolicy } from '../../../../apiserver/audit/policy.ts'
import { parseRequestInfo } from '../../../../apiserver/http/request-info.ts'

const head = 'apiVersion: audit.k8s.io/v1\nkind: Policy\n'
const ann = { name: 'ann', groups: ['people', 'system:authenticated'] }

function levelOf(rules: string, request: string, user: typeof ann | undefined = ann) {
  const [method = '', url = ''] = request.split(' ')
  const [path = '', query = ''] = url.split('?')
  const info = parseRequestInfo(method, path, new URLSearchParams(query))
  return scopeOf(parseAuditPolicy(head + rules), info, user)?.level ?? 'None'
}

describe('scopeOf', () => {
  const rules = `
omitStages: [RequestReceived]
rules:
- {level: None, users: [robot], verbs: [watch]}
- {level: Request, userGroups: [people], resources: [{group: '', resources: [configmaps], resourceNames: [one]}]}
- {level: RequestResponse, resources: [{group: kvorum.dev, resources: ['virtualmachines/*']}]}
- {level: Request, resources: [{group: kvorum.dev, resources: ['*/status']}]}
- {level: Metadata, namespaces: [''], resources: [{group: ''}]}
- {level: Metadata, nonResourceURLs: [/metrics, '/health*']}
- {level: RequestResponse, namespaces: [lab]}
`
  test.each([
    ['GET /api/v1/namespaces/lab/configmaps/one', 'Request'],
    ['GET /api/v1/namespaces/lab/configmaps/two', 'RequestResponse'],
    ['GET /api/v1/namespaces/other/configmaps/two', 'None'],
    ['PUT /apis/kvorum.dev/v1alpha1/namespaces/x/virtualmachines/vm/console', 'RequestResponse'],
    ['PUT /apis/kvorum.dev/v1alpha1/namespaces/x/disks/d/status', 'Request'],
    ['PUT /apis/kvorum.dev/v1alpha1/namespaces/x/disks/d', 'None'],
    ['GET /api/v1/configmaps', 'Metadata'],
    ['GET /metrics', 'Metadata'],
    ['GET /healthz', 'Metadata'],
    ['GET /version', 'None'],
  ])('%s is at %s', (request, level) => {
    expect(levelOf(rules, request)).toBe(level)
  })

  test('the first rule that matches decides', () => {
    const robot = { name: 'robot', groups: [] }
    expect(levelOf(rules, 'GET /api/v1/namespaces/lab/configmaps?watch=1', robot)).toBe('None')
    expect(levelOf(rules, 'GET /api/v1/namespaces/lab/configmaps', robot)).toBe('RequestResponse')
  })

  test('stages and managed fields are left out where policy or rule say so', () => {
    const policy = parseAuditPolicy(
      `${head}omitStages: [RequestReceived]\nomitManagedFields: true\nrules:\n` +
        '- {level: Metadata, verbs: [get], omitStages: [Panic], omitManagedFields: false}\n- {level: Metadata}',
    )
    const info = (method: string) => parseRequestInfo(method, '/api/v1/nodes/n', new URLSearchParams())

    expect(scopeOf(policy, info('GET'), ann)).toMatchObject({
      omitStages: new Set(['RequestReceived', 'Panic']),
      omitManagedFields: false,
    })
    expect(scopeOf(policy, info('PUT'), ann)).toMatchObject({
      omitStages: new Set(['RequestReceived']),
      omitManagedFields: true,
    })
  })

  test.each([
    'POST /api/v1/namespaces/a/secrets',
    'GET /api/v1/secrets',
    'POST /api/v1/namespaces/a/serviceaccounts/robot/token',
    'POST /apis/authentication.k8s.io/v1/tokenreviews',
  ])('no policy brings the bodies of %s into the log', (request) => {
    expect(levelOf('rules: [{level: RequestResponse}]', request)).toBe('Metadata')
  })
})

describe('parseAuditPolicy', () => {
  test.each([
    ['rules: [{level: Everything}]', 'audit policy, rules[0].level: '],
    ['rules: []', 'audit policy, rules: a policy needs at least one rule'],
    ['rules: [{level: None, user: [a]}]', 'audit policy, rules[0]: Unrecognized key: "user"'],
    [
      'rules: [{level: None, namespaces: [a], nonResourceURLs: [/x]}]',
      'audit policy, rules[0]: rules cannot apply to both regular resources and non-resource URLs',
    ],
    ['rules: [{level: None, nonResourceURLs: ["/a/*/b"]}]', 'audit policy, rules[0].nonResourceURLs[0]: '],
    ['rules: [{level: None, omitStages: [Never]}]', 'audit policy, rules[0].omitStages[0]: '],
    ['rules: [', 'audit policy: '],
  ])('refuses %s', (text, message) => {
    expect(() => parseAuditPolicy(head + text)).toThrow(message)
  })

  test('refuses other kinds', () => {
    expect(() => parseAuditPolicy('apiVersion: v1\nkind: List\nrules: [{level: None}]')).toThrow(
      'audit policy, apiVersion: ',
    )
  })
})

describe('without a policy file', () => {
  const scope = (method: string, path: string, user = ann) =>
    scopeOf(defaultAuditPolicy, parseRequestInfo(method, path, new URLSearchParams()), user)

  test('changes are written, and of everything else what is refused', () => {
    const path = '/api/v1/namespaces/a/configmaps/one'
    expect(scope('PUT', path)).toMatchObject({ level: 'Metadata', refusalsOnly: false })
    expect(scope('GET', path)).toMatchObject({ level: 'Metadata', refusalsOnly: true })
    expect(scope('GET', '/metrics')).toMatchObject({ level: 'Metadata', refusalsOnly: true })
  })

  test('heartbeats of daemons are not', () => {
    const daemon = { name: 'system:node:a', groups: ['system:nodes'] }
    const lease = '/apis/coordination.k8s.io/v1/namespaces/kvorum-hosts/leases/a'
    expect(scope('PUT', lease, daemon)).toMatchObject({ refusalsOnly: true })
    expect(scope('PUT', lease)).toMatchObject({ refusalsOnly: false })
    const status = '/apis/kvorum.dev/v1alpha1/hosts/a/status'
    expect(scope('PATCH', status, daemon)).toMatchObject({ refusalsOnly: true })
  })
})
