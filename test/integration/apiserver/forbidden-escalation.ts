import type { RawRequest } from '../../support/node-client.ts'
import { aSigningRequest } from '../../support/signing-request.ts'
import { api, object, patch, type ActionRow } from './forbidden-action.ts'

const csrs = '/apis/certificates.k8s.io/v1/certificatesigningrequests'
const rbac = '/apis/rbac.authorization.k8s.io/v1'

const event = (regarding: object, reportingInstance = 'host-1'): RawRequest => ({
  body: {
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: { name: `event-${Math.random().toString(36).slice(2)}`, namespace: 'default' },
    eventTime: '2026-01-01T00:00:00.000000Z',
    reportingController: 'kvorum.dev/node-daemon',
    reportingInstance,
    action: 'Test',
    reason: 'Test',
    type: 'Normal',
    regarding: { apiVersion: 'kvorum.dev/v1alpha1', namespace: 'default', ...regarding },
  },
})

export const othersSecrets: readonly ActionRow[] = [
  ['list all secrets', 'GET', '/api/v1/secrets'],
  ['list the secrets of a namespace', 'GET', '/api/v1/namespaces/default/secrets'],
  ['watch secrets', 'GET', '/api/v1/secrets?watch=true'],
  ['read a secret that nothing of its own refers to', 'GET', '/api/v1/namespaces/default/secrets/password'],
  [
    'read a secret by selector',
    'GET',
    '/api/v1/namespaces/default/secrets?fieldSelector=metadata.name%3Dpassword',
  ],
  ['read a secret of the system', 'GET', '/api/v1/namespaces/kube-system/secrets/password'],
  ['read a secret that is not there', 'GET', '/api/v1/namespaces/default/secrets/nothing'],
  [
    'make a secret',
    'POST',
    '/api/v1/namespaces/default/secrets',
    () => ({ body: object('v1', 'Secret', { name: 'x' }) }),
  ],
  ['change a secret', 'PATCH', '/api/v1/namespaces/default/secrets/password', () => patch({ data: {} })],
  ['read settings of others', 'GET', '/api/v1/namespaces/default/configmaps/settings'],
  ['list settings', 'GET', '/api/v1/namespaces/kube-system/configmaps'],
]

export const escalation: readonly ActionRow[] = [
  ['list namespaces', 'GET', '/api/v1/namespaces'],
  [
    'make a namespace',
    'POST',
    '/api/v1/namespaces',
    () => ({ body: object('v1', 'Namespace', { name: 'mine' }) }),
  ],
  ['delete a namespace', 'DELETE', '/api/v1/namespaces/default'],
  ['list service accounts', 'GET', '/api/v1/serviceaccounts'],
  [
    'take a token of a service account',
    'POST',
    '/api/v1/namespaces/kube-system/serviceaccounts/default/token',
    () => ({
      body: object('authentication.k8s.io/v1', 'TokenRequest', {}, { spec: {} }),
    }),
  ],
  ['read roles', 'GET', `${rbac}/clusterroles`],
  [
    'become administrator',
    'POST',
    `${rbac}/clusterrolebindings`,
    () => ({
      body: object(
        'rbac.authorization.k8s.io/v1',
        'ClusterRoleBinding',
        { name: 'mine' },
        {
          roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
          subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'system:node:host-1' }],
        },
      ),
    }),
  ],
  ['widen the role of nodes', 'PATCH', `${rbac}/clusterroles/system:node`, () => patch({ rules: [] })],
  [
    'change a CRD',
    'PATCH',
    '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/hosts.kvorum.dev',
    () => patch({ spec: {} }),
  ],
  ['add a CRD', 'POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', () => ({ body: {} })],
  [
    'ask what others may do',
    'POST',
    '/apis/authorization.k8s.io/v1/subjectaccessreviews',
    () => ({ body: { spec: { user: 'x' } } }),
  ],
  ['read metrics', 'GET', '/metrics'],
  ['list certificate requests', 'GET', csrs],
  [
    'ask for the certificate of another host',
    'POST',
    csrs,
    async () => ({
      body: await aSigningRequest({ commonName: 'system:node:host-2' }),
    }),
  ],
  [
    'ask for the certificate of an administrator',
    'POST',
    csrs,
    async () => ({
      body: await aSigningRequest({
        commonName: 'root',
        organizations: ['system:masters'],
        signer: 'kubernetes.io/kube-apiserver-client',
      }),
    }),
  ],
  [
    'ask for its own certificate in a group more',
    'POST',
    csrs,
    async () => ({
      body: await aSigningRequest({
        commonName: 'system:node:host-1',
        organizations: ['system:nodes', 'system:masters'],
      }),
    }),
  ],
  [
    'ask to serve as another host',
    'POST',
    csrs,
    async () => ({
      body: await aSigningRequest({
        commonName: 'system:node:host-2',
        dnsNames: ['host-2'],
        signer: 'kubernetes.io/kubelet-serving',
        usages: ['digital signature', 'server auth'],
      }),
    }),
  ],
  [
    'approve a request',
    'PATCH',
    `${csrs}/any/approval`,
    () => patch({ status: { conditions: [{ type: 'Approved', status: 'True' }] } }),
  ],
  ['sign a request', 'PATCH', `${csrs}/any/status`, () => patch({ status: { certificate: 'eA==' } })],
  [
    'act as an administrator',
    'GET',
    `${api}/hosts`,
    () => ({
      headers: { 'impersonate-user': 'root', 'impersonate-group': 'system:masters' },
    }),
  ],
  [
    'act as another host',
    'GET',
    `${api}/hosts/host-2`,
    () => ({
      headers: { 'impersonate-user': 'system:node:host-2', 'impersonate-group': 'system:nodes' },
    }),
  ],
]

const events = '/apis/events.k8s.io/v1/namespaces/default/events'
export const falseNews: readonly ActionRow[] = [
  [
    'report on a run of another host',
    'POST',
    events,
    () => event({ kind: 'VirtualMachineInstance', name: 'run-on-host-2' }),
  ],
  ['report on another host', 'POST', events, () => event({ kind: 'Host', name: 'host-2' })],
  ['report on a secret', 'POST', events, () => event({ apiVersion: 'v1', kind: 'Secret', name: 'password' })],
  [
    'report in the name of another host',
    'POST',
    events,
    () => event({ kind: 'Host', name: 'host-1' }, 'host-2'),
  ],
  ['list events', 'GET', events],
  ['delete events', 'DELETE', events],
]
