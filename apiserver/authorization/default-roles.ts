import type { JsonObject } from '../../crds/meta/json.ts'
import { clusterRoleBindings, clusterRoles } from '../registry/builtin/identity.ts'
import type { ResourceDefinition } from '../registry/resource-definition.ts'

interface RuleText {
  readonly verbs: readonly string[]
  readonly apiGroups?: readonly string[]
  readonly resources?: readonly string[]
  readonly nonResourceURLs?: readonly string[]
}

interface DefaultRole {
  readonly name: string
  readonly rules: readonly RuleText[]
  /** Who has it from the start. */
  readonly groups?: readonly string[]
  readonly users?: readonly string[]
}

const every = ['*'] as const
const reading = ['get', 'list', 'watch'] as const
const writing = ['create', 'update', 'patch', 'delete', 'deletecollection'] as const
const readingAndWriting = [...reading, ...writing]
const probes = ['/healthz', '/livez', '/readyz', '/version', '/version/']
const documents = ['/api', '/api/*', '/apis', '/apis/*', '/openapi', '/openapi/*']

const objectsOfUsers: readonly RuleText[] = [
  {
    apiGroups: [''],
    resources: ['configmaps', 'secrets', 'serviceaccounts', 'events'],
    verbs: readingAndWriting,
  },
  { apiGroups: ['events.k8s.io'], resources: ['events'], verbs: readingAndWriting },
  { apiGroups: ['kvorum.dev'], resources: every, verbs: readingAndWriting },
  { apiGroups: [''], resources: ['namespaces', 'resourcequotas'], verbs: reading },
]

/** The roles every installation has; what an administrator changes in them is changed back at the next start. */
const defaultRoles: readonly DefaultRole[] = [
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
  { name: 'system:monitoring', rules: [{ nonResourceURLs: ['/metrics', ...probes], verbs: ['get'] }] },
  {
    name: 'admin',
    rules: [
      ...objectsOfUsers,
      {
        apiGroups: ['rbac.authorization.k8s.io'],
        resources: ['roles', 'rolebindings'],
        verbs: readingAndWriting,
      },
      { apiGroups: ['authorization.k8s.io'], resources: ['localsubjectaccessreviews'], verbs: ['create'] },
    ],
  },
  { name: 'edit', rules: objectsOfUsers },
  {
    name: 'view',
    rules: [
      {
        apiGroups: [''],
        resources: ['configmaps', 'events', 'namespaces', 'resourcequotas', 'serviceaccounts'],
        verbs: reading,
      },
      { apiGroups: ['events.k8s.io'], resources: ['events'], verbs: reading },
      { apiGroups: ['kvorum.dev'], resources: every, verbs: reading },
    ],
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
]

const rbac = 'rbac.authorization.k8s.io'
const labels = { 'kubernetes.io/bootstrapping': 'rbac-defaults' }

/** Makes sure that the default roles and their bindings are there. */
export async function ensureDefaultRoles(api: {
  apply(definition: ResourceDefinition, object: JsonObject): Promise<void>
  createIfMissing(definition: ResourceDefinition, object: JsonObject): Promise<void>
}): Promise<void> {
  const apiVersion = `${rbac}/v1`
  for (const { name, rules, groups = [], users = [] } of defaultRoles) {
    const metadata = { name, labels }
    await api.apply(clusterRoles, { apiVersion, kind: 'ClusterRole', metadata, rules: rules.map(ruleObject) })
    const subjects = [
      ...groups.map((group) => ({ apiGroup: rbac, kind: 'Group', name: group })),
      ...users.map((user) => ({ apiGroup: rbac, kind: 'User', name: user })),
    ]
    if (subjects.length === 0) continue
    // Whom an administrator adds or takes away stays added or away.
    await api.createIfMissing(clusterRoleBindings, {
      apiVersion,
      kind: 'ClusterRoleBinding',
      metadata,
      subjects,
      roleRef: { apiGroup: rbac, kind: 'ClusterRole', name },
    })
  }
}

function ruleObject({ verbs, apiGroups, resources, nonResourceURLs }: RuleText): JsonObject {
  return {
    verbs: [...verbs],
    ...(apiGroups && { apiGroups: [...apiGroups] }),
    ...(resources && { resources: [...resources] }),
    ...(nonResourceURLs && { nonResourceURLs: [...nonResourceURLs] }),
  }
}
