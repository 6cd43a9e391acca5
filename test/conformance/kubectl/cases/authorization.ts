import type { TourCase } from '../tour.ts'
import { list } from './manifests.ts'

/** A request for `CN=visitor, O=visitors`, base64 of its PEM form. */
const request = [
  'LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlIaE1JR0hBZ0VBTUNVeEVUQVBCZ05WQkFvTUNIWn',
  'BjMmwwYjNKek1SQXdEZ1lEVlFRRERBZDJhWE5wZEc5eQpNRmt3RXdZSEtvWkl6ajBDQVFZSUtvWkl6ajBEQVFjRFFn',
  'QUVBRlB0QWF5d3VNc25PcEk4WlJQRnJwYXlHeTRXCmZDdVQ2V1p3cnhRQkJaSUF0VkR4aUl2QUdYYm15QXdzb3lEOX',
  'hVcUFkS1BGcDdCZG1sTmZZQUJISzZBQU1Bb0cKQ0NxR1NNNDlCQU1DQTBrQU1FWUNJUUQ4TnZuSUVNR3NHZkdDemZ5',
  'Uk4wckVaN2dMNDFleTZvUWF4ZWlvdkdDUAovUUloQUlKaEpJaEhpY2JFcjA3dHNHNXZ2ZENka0pzWE5xRThLSnN5Q2',
  'xHUGxUU2MKLS0tLS1FTkQgQ0VSVElGSUNBVEUgUkVRVUVTVC0tLS0tCg==',
].join('')

const signingRequest = (name: string) => ({
  apiVersion: 'certificates.k8s.io/v1',
  kind: 'CertificateSigningRequest',
  metadata: { name },
  spec: { request, signerName: 'example.org/nobody', usages: ['client auth'] },
})

const rules = (verbs: readonly string[]) => [{ apiGroups: [''], resources: ['configmaps'], verbs }]

const roleAndBinding = (verbs: readonly string[]) =>
  list(
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'Role',
      metadata: { name: 'reconciled', namespace: 'team' },
      rules: rules(verbs),
    },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: { name: 'reconciled', namespace: 'team' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'reconciled' },
      subjects: [{ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: 'carol' }],
    },
  )

const csr = 'certificatesigningrequest.certificates.k8s.io'

export const authorization: readonly TourCase[] = [
  { run: 'auth can-i create configmaps', out: 'yes' },
  { run: ['auth', 'can-i', '*', '*'], out: 'yes' },
  { run: ['auth', 'can-i', '*', '*', '--all-namespaces'], out: 'yes' },
  { run: 'auth can-i get /metrics', out: 'yes' },
  { run: 'auth can-i get cm --as=eve', out: 'yes' },
  { run: 'auth can-i get cm/app --as=eve', out: 'yes' },
  { run: 'auth can-i delete cm --as=eve', code: 1, out: 'no' },
  { run: 'auth can-i delete cm --as=eve -q', code: 1, out: '' },
  { run: 'auth can-i get cm --as=eve -n default', code: 1, out: 'no' },
  { run: 'auth can-i get cm --as=system:serviceaccount:team:robot', out: 'yes' },
  { run: 'auth can-i get /metrics --as=mallory --as-group=watchers', out: 'yes' },
  { run: 'auth can-i get /metrics --as=mallory', code: 1, out: 'no' },
  { run: 'auth can-i get configmaps --subresource=status --as=eve', code: 1, out: 'no' },
  { run: 'auth can-i get pods', out: 'yes', err: `Warning: the server doesn't have a resource type 'pods'` },
  {
    run: 'auth can-i --list',
    out: [/^Resources +Non-Resource URLs +Resource Names +Verbs$/m, /^\*\.\* +\[\] +\[\] +\[\*\]$/m],
  },
  {
    run: 'auth can-i --list --as=eve',
    out: [
      /^configmaps +\[\] +\[\] +\[get watch\]$/m,
      /^selfsubjectaccessreviews\.authorization\.k8s\.io +\[\] +\[\] +\[create\]$/m,
    ],
  },
  {
    run: 'auth whoami',
    since: 28,
    out: [/^ATTRIBUTE +VALUE$/m, /^Username +\S+$/m, /^Groups +\[.*system:authenticated.*\]$/m],
  },
  {
    run: 'auth whoami -o jsonpath={.status.userInfo.groups} --as=eve --as-group=staff',
    since: 28,
    out: '["staff","system:authenticated"]',
  },
  { run: 'get cm app --as=eve -o name', out: 'configmap/app' },
  {
    run: 'get cm app -n default --as=eve',
    code: 1,
    out: '',
    err: 'Error from server (Forbidden): configmaps "app" is forbidden: User "eve" cannot get resource "configmaps" in API group "" in the namespace "default"',
  },
  {
    run: 'get cm --as=mallory',
    code: 1,
    out: '',
    err: 'Error from server (Forbidden): configmaps is forbidden: User "mallory" cannot list resource "configmaps" in API group "" in the namespace "team"',
  },
  {
    run: 'create cm denied --as=eve',
    code: 1,
    err: /configmaps is forbidden: User "eve" cannot create resource "configmaps" in API group "" in the namespace "team"/,
  },
  {
    run: 'get ns --as=mallory',
    code: 1,
    out: '',
    err: 'Error from server (Forbidden): namespaces is forbidden: User "mallory" cannot list resource "namespaces" in API group "" at the cluster scope',
  },
  {
    run: 'get --raw /metrics --as=mallory',
    code: 1,
    out: '',
    err: /forbidden: User "mallory" cannot get path "\/metrics"/,
  },
  { run: 'get cm app --as=nobody --as-group=staff -o name', out: 'configmap/app' },
  {
    run: 'auth reconcile -f roles.json',
    files: { 'roles.json': roleAndBinding(['get']) },
    out: 'role.rbac.authorization.k8s.io/reconciled reconciled\nrolebinding.rbac.authorization.k8s.io/reconciled reconciled',
    err: [/reconciliation required create/, /missing subjects added:\n.*carol/],
  },
  {
    run: 'auth reconcile -f roles.json',
    files: { 'roles.json': roleAndBinding(['get', 'list']) },
    err: [/reconciliation required update/, /missing rules added/],
  },
  {
    run: 'auth reconcile -f roles.json --remove-extra-permissions',
    files: { 'roles.json': roleAndBinding(['list']) },
    err: /extra rules removed/,
  },
  { run: 'auth reconcile -f roles.json --dry-run=client', out: /reconciled \(dry run\)/ },
  { run: 'get role reconciled -o jsonpath={.rules[*].verbs}', out: '["list"]' },
  { run: 'create -f -', input: signingRequest('good'), out: `${csr}/good created` },
  { run: 'create -f -', input: signingRequest('bad'), out: `${csr}/bad created` },
  {
    run: 'get csr good',
    out: /^NAME +AGE +SIGNERNAME +REQUESTOR +(REQUESTEDDURATION +)?CONDITION\ngood +\S+ +example\.org\/nobody +\S+ +(<none> +)?Pending/m,
  },
  { run: 'certificate approve good', out: `${csr}/good approved` },
  { run: 'certificate deny bad', out: `${csr}/bad denied` },
  { run: 'certificate approve bad', code: 1, err: /./ },
  {
    run: 'get csr -o custom-columns=NAME:.metadata.name,IS:.status.conditions[0].type',
    out: /^bad +Denied\ngood +Approved$/m,
  },
  { run: 'describe csr good', out: [/^Name: +good$/m, /^Status: +Approved$/m, /Common Name: +visitor/] },
  { run: 'create token robot', since: 24, out: /^[\w-]+\.[\w-]+\.[\w-]+\n?$/ },
  {
    run: 'create token robot --duration=20m --audience=here -o jsonpath={.status.expirationTimestamp}',
    since: 24,
    out: /^\d{4}-\d\d-\d\dT/,
  },
  { run: 'create token nobody', since: 24, code: 1, err: /serviceaccounts "nobody" not found/ },
  // What a user may not do, he may not let others do either.
  { run: 'create clusterrolebinding grantor --clusterrole=admin --user=dave', out: /grantor created/ },
  {
    run: 'create role stronger --verb=* --resource=certificatesigningrequests.certificates.k8s.io --as=dave',
    code: 1,
    err: /user "dave" \(groups=\["system:authenticated"\]\) is attempting to grant RBAC permissions not currently held:/,
  },
]
