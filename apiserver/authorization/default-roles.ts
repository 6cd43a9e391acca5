import { kindNames } from '../../crds/names.ts'
import { hostSubresources } from '../registry/host-subresources.ts'

/** One rule of a default role. */
export interface RuleText {
  readonly verbs: readonly string[]
  readonly apiGroups?: readonly string[]
  readonly resources?: readonly string[]
  readonly nonResourceURLs?: readonly string[]
}

/** A cluster role that every installation has, and who has it from the start. */
export interface DefaultRole {
  readonly name: string
  readonly rules: readonly RuleText[]
  readonly groups?: readonly string[]
  readonly users?: readonly string[]
  /** The roles that collect this one's rules: `admin`, `edit`, `view`. */
  readonly partOf?: readonly string[]
  /** The rules are collected from the roles that are part of this one. */
  readonly collects?: boolean
}

const every = ['*'] as const
const reading = ['get', 'list', 'watch'] as const
const writing = ['create', 'update', 'patch', 'delete', 'deletecollection'] as const
const readingAndWriting = [...reading, ...writing]
const probes = ['/healthz', '/livez', '/readyz', '/version', '/version/']
const documents = ['/api', '/api/*', '/apis', '/apis/*', '/openapi', '/openapi/*']

const ofScope = (wanted: 'Namespaced' | 'Cluster') =>
  kindNames.filter(({ scope }) => scope === wanted).map(({ plural }) => plural)
const ownPlurals = ofScope('Namespaced')
const statusOf = (plurals: readonly string[]) => plurals.map((plural) => `${plural}/status`)

/**
 * What `admin`, `edit` and `view` are made of. Whoever adds kinds gives a cluster role of their own the label
 * `rbac.authorization.k8s.io/aggregate-to-<role>: "true"`.
 */
const onHosts = hostSubresources.map((name) => `virtualmachineinstances/${name}`)

const parts: readonly DefaultRole[] = [
  {
    name: 'system:aggregate-to-admin',
    partOf: ['admin'],
    rules: [
      {
        apiGroups: ['rbac.authorization.k8s.io'],
        resources: ['roles', 'rolebindings'],
        verbs: readingAndWriting,
      },
      { apiGroups: ['authorization.k8s.io'], resources: ['localsubjectaccessreviews'], verbs: ['create'] },
    ],
  },
  {
    name: 'system:aggregate-to-edit',
    partOf: ['edit'],
    rules: [
      { apiGroups: [''], resources: ['secrets'], verbs: reading },
      { apiGroups: [''], resources: ['serviceaccounts'], verbs: ['impersonate'] },
      { apiGroups: [''], resources: ['serviceaccounts/token'], verbs: ['create'] },
      {
        apiGroups: [''],
        resources: ['configmaps', 'secrets', 'serviceaccounts', 'events'],
        verbs: writing,
      },
      { apiGroups: ['events.k8s.io'], resources: ['events'], verbs: writing },
      { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: readingAndWriting },
    ],
  },
  {
    name: 'system:aggregate-to-view',
    partOf: ['view'],
    rules: [
      {
        apiGroups: [''],
        resources: ['configmaps', 'serviceaccounts', 'events', 'namespaces', 'namespaces/status'],
        verbs: reading,
      },
      { apiGroups: [''], resources: ['resourcequotas', 'resourcequotas/status'], verbs: reading },
      { apiGroups: ['events.k8s.io'], resources: ['events'], verbs: reading },
    ],
  },
  {
    name: 'kvorum:aggregate-to-edit',
    partOf: ['edit'],
    rules: [
      { apiGroups: ['kvorum.dev'], resources: ownPlurals, verbs: writing },
      // Whoever sits at the console of a machine does with it as they like; what it shows may be secret.
      { apiGroups: ['kvorum.dev'], resources: onHosts, verbs: ['get'] },
      { apiGroups: ['kvorum.dev'], resources: ['images/upload'], verbs: ['create'] },
      { apiGroups: ['kvorum.dev'], resources: ['disks/download'], verbs: ['get'] },
    ],
  },
  {
    name: 'kvorum:aggregate-to-view',
    partOf: ['view'],
    rules: [
      { apiGroups: ['kvorum.dev'], resources: [...ownPlurals, ...statusOf(ownPlurals)], verbs: reading },
      // Bound across the cluster, it shows what machines are placed on.
      { apiGroups: ['kvorum.dev'], resources: ofScope('Cluster'), verbs: reading },
    ],
  },
  { name: 'admin', rules: [], collects: true },
  { name: 'edit', rules: [], collects: true, partOf: ['admin'] },
  { name: 'view', rules: [], collects: true, partOf: ['edit'] },
]

/** The roles every installation has. What an administrator takes from them comes back at the next start. */
export const defaultRoles: readonly DefaultRole[] = [
  ...parts,
  {
    name: 'cluster-admin',
    rules: [
      { apiGroups: every, resources: every, verbs: every },
      { nonResourceURLs: every, verbs: every },
    ],
    groups: ['system:masters'],
  },
  {
    name: 'system:discovery',
    rules: [{ nonResourceURLs: [...probes, ...documents], verbs: ['get', 'head'] }],
    groups: ['system:authenticated'],
  },
  {
    name: 'system:public-info-viewer',
    rules: [{ nonResourceURLs: probes, verbs: ['get', 'head'] }],
    groups: ['system:authenticated', 'system:unauthenticated'],
  },
  {
    name: 'system:basic-user',
    rules: [
      {
        apiGroups: ['authorization.k8s.io'],
        resources: ['selfsubjectaccessreviews', 'selfsubjectrulesreviews'],
        verbs: ['create'],
      },
      { apiGroups: ['authentication.k8s.io'], resources: ['selfsubjectreviews'], verbs: ['create'] },
    ],
    groups: ['system:authenticated'],
  },
  {
    name: 'system:service-account-issuer-discovery',
    rules: [
      {
        nonResourceURLs: ['/.well-known/openid-configuration', '/openid/v1/jwks', '/openid/v1/jwks/'],
        verbs: ['get'],
      },
    ],
    groups: ['system:serviceaccounts'],
  },
  // Whoever has it finds out whom tokens belong to and what their owners may do: for servers beside this one.
  {
    name: 'system:auth-delegator',
    rules: [
      { apiGroups: ['authentication.k8s.io'], resources: ['tokenreviews'], verbs: ['create'] },
      { apiGroups: ['authorization.k8s.io'], resources: ['subjectaccessreviews'], verbs: ['create'] },
    ],
  },
  {
    name: 'system:monitoring',
    rules: [
      { nonResourceURLs: ['/metrics', ...probes, '/livez/*', '/readyz/*', '/healthz/*'], verbs: ['get'] },
    ],
    groups: ['system:monitoring'],
  },
  {
    name: 'kvorum:controllers',
    rules: [
      { apiGroups: ['kvorum.dev'], resources: every, verbs: every },
      { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: readingAndWriting },
      { apiGroups: ['', 'events.k8s.io'], resources: ['events'], verbs: readingAndWriting },
      {
        apiGroups: [''],
        resources: ['configmaps', 'secrets', 'resourcequotas'],
        verbs: reading,
      },
      // They make those that Kvorum's own Leases live in.
      { apiGroups: [''], resources: ['namespaces'], verbs: [...reading, 'create'] },
      { apiGroups: ['apiextensions.k8s.io'], resources: ['customresourcedefinitions'], verbs: reading },
    ],
    users: ['kvorum:controllers'],
  },
  // What daemons may do is the node authorizer's to say; bindings of this role from earlier days grant nothing.
  { name: 'system:node', rules: [] },
  {
    name: 'system:node-bootstrapper',
    rules: [
      {
        apiGroups: ['certificates.k8s.io'],
        resources: ['certificatesigningrequests'],
        verbs: ['create', ...reading],
      },
    ],
    groups: ['system:bootstrappers'],
  },
  // Whose requests for certificates of nodes are approved without a person.
  {
    name: 'system:certificates.k8s.io:certificatesigningrequests:nodeclient',
    rules: [
      {
        apiGroups: ['certificates.k8s.io'],
        resources: ['certificatesigningrequests/nodeclient'],
        verbs: ['create'],
      },
    ],
    groups: ['system:bootstrappers'],
  },
  {
    name: 'system:certificates.k8s.io:certificatesigningrequests:selfnodeclient',
    rules: [
      {
        apiGroups: ['certificates.k8s.io'],
        resources: ['certificatesigningrequests/selfnodeclient'],
        verbs: ['create'],
      },
    ],
    groups: ['system:nodes'],
  },
]
