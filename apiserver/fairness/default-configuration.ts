import type { JsonObject } from '../../crds/meta/json.ts'
import type { KubeObject } from '../registry/kube-object.ts'

/** While it is `true`, the server brings the spec of a suggested object up to date at its start. */
export const autoUpdateAnnotation = 'apf.kubernetes.io/autoupdate-spec'

const every = ['*']

function config(kind: string, name: string, spec: JsonObject): KubeObject {
  return {
    apiVersion: 'flowcontrol.apiserver.k8s.io/v1',
    kind,
    metadata: { name, annotations: { [autoUpdateAnnotation]: 'true' } },
    spec,
  }
}

interface LevelOptions {
  readonly shares: number
  readonly lendable: number
  /** Number of queues and how many of them a flow uses; requests are rejected when left out. */
  readonly queues?: readonly [count: number, hand: number]
}

function limitedLevel(name: string, { shares, lendable, queues }: LevelOptions): KubeObject {
  const limitResponse = queues
    ? { type: 'Queue', queuing: { queues: queues[0], handSize: queues[1], queueLengthLimit: 50 } }
    : { type: 'Reject' }
  return config('PriorityLevelConfiguration', name, {
    type: 'Limited',
    limited: { nominalConcurrencyShares: shares, lendablePercent: lendable, limitResponse },
  })
}

interface SchemaOptions {
  readonly level: string
  readonly precedence: number
  readonly by?: 'ByUser' | 'ByNamespace'
  readonly subjects: readonly JsonObject[]
  readonly resources?: readonly JsonObject[]
  readonly paths?: readonly JsonObject[]
}

function flowSchema(name: string, options: SchemaOptions): KubeObject {
  const { level, precedence, by, subjects, resources, paths } = options
  return config('FlowSchema', name, {
    priorityLevelConfiguration: { name: level },
    matchingPrecedence: precedence,
    ...(by && { distinguisherMethod: { type: by } }),
    rules: [
      {
        subjects: [...subjects],
        ...(resources && { resourceRules: [...resources] }),
        ...(paths && { nonResourceRules: [...paths] }),
      },
    ],
  })
}

const groups = (...names: string[]) => names.map((name) => ({ kind: 'Group', group: { name } }))
const users = (...names: string[]) => names.map((name) => ({ kind: 'User', user: { name } }))
const systemAccounts = [{ kind: 'ServiceAccount', serviceAccount: { namespace: 'kube-system', name: '*' } }]
const everybody = groups('system:unauthenticated', 'system:authenticated')

const resources = (
  apiGroups: readonly string[],
  names: readonly string[],
  more: JsonObject = {},
): JsonObject => ({
  verbs: every,
  apiGroups: [...apiGroups],
  resources: [...names],
  namespaces: every,
  ...more,
})
const allResources = [resources(every, every, { clusterScope: true })]
const allPaths = [{ verbs: every, nonResourceURLs: every }]
const everything = { resources: allResources, paths: allPaths }

/** Levels that are always there; those who are exempt are never limited. */
export const mandatoryLevels: readonly KubeObject[] = [
  config('PriorityLevelConfiguration', 'exempt', {
    type: 'Exempt',
    exempt: { nominalConcurrencyShares: 0, lendablePercent: 0 },
  }),
  limitedLevel('catch-all', { shares: 5, lendable: 0 }),
]

/** Schemas that are always there, with these very specs: every request matches one of them. */
export const mandatoryFlowSchemas: readonly KubeObject[] = [
  flowSchema('exempt', {
    level: 'exempt',
    precedence: 1,
    subjects: groups('system:masters'),
    ...everything,
  }),
  flowSchema('catch-all', {
    level: 'catch-all',
    precedence: 10_000,
    by: 'ByUser',
    subjects: everybody,
    ...everything,
  }),
]

export const suggestedLevels: readonly KubeObject[] = [
  limitedLevel('system', { shares: 30, lendable: 33, queues: [64, 6] }),
  limitedLevel('node-high', { shares: 40, lendable: 25, queues: [64, 6] }),
  limitedLevel('leader-election', { shares: 10, lendable: 0, queues: [16, 4] }),
  limitedLevel('workload-high', { shares: 40, lendable: 50, queues: [128, 6] }),
  limitedLevel('workload-low', { shares: 100, lendable: 90, queues: [128, 6] }),
  limitedLevel('global-default', { shares: 20, lendable: 50, queues: [128, 6] }),
]

const leaseVerbs = { verbs: ['get', 'create', 'update'] }

/** The user that Kvorum's own controllers act as. */
const controllers = 'kvorum:controllers'

export const suggestedFlowSchemas: readonly KubeObject[] = [
  flowSchema('probes', {
    level: 'exempt',
    precedence: 2,
    subjects: everybody,
    paths: [{ verbs: ['get'], nonResourceURLs: ['/healthz', '/readyz', '/livez'] }],
  }),
  flowSchema('system-leader-election', {
    level: 'leader-election',
    precedence: 100,
    by: 'ByUser',
    subjects: [...users(controllers), ...systemAccounts],
    resources: [resources(['coordination.k8s.io'], ['leases'], leaseVerbs)],
  }),
  // What tells that a host is alive goes before everything else that its daemon asks for.
  flowSchema('system-node-high', {
    level: 'node-high',
    precedence: 400,
    by: 'ByUser',
    subjects: groups('system:nodes'),
    resources: [
      resources(['kvorum.dev'], ['hosts', 'hosts/status'], { clusterScope: true }),
      resources(['coordination.k8s.io'], ['leases']),
    ],
  }),
  flowSchema('system-nodes', {
    level: 'system',
    precedence: 500,
    by: 'ByUser',
    subjects: groups('system:nodes'),
    ...everything,
  }),
  flowSchema('kvorum-controllers', {
    level: 'workload-high',
    precedence: 800,
    by: 'ByNamespace',
    subjects: users(controllers),
    ...everything,
  }),
  flowSchema('kube-system-service-accounts', {
    level: 'workload-high',
    precedence: 900,
    by: 'ByNamespace',
    subjects: systemAccounts,
    ...everything,
  }),
  flowSchema('service-accounts', {
    level: 'workload-low',
    precedence: 9000,
    by: 'ByUser',
    subjects: groups('system:serviceaccounts'),
    ...everything,
  }),
  flowSchema('global-default', {
    level: 'global-default',
    precedence: 9900,
    by: 'ByUser',
    subjects: everybody,
    ...everything,
  }),
]
