import { extensionMessages } from './extension-messages.ts'

/**
 * The messages that clients send in protobuf, as `number name type`. Types: `s` string, `i` integer, `b` boolean,
 * `D` double, `y` bytes, `T` Time, `M` MicroTime, `Q` Quantity, `F` FieldsV1, `J` any JSON, `X` a list of strings in a
 * message of its own, or the name of a message. `?` marks what is optional in Go, where a zero is told apart from
 * nothing; `[]` a list; `{}` a map from strings; `~` a message whose fields stand in the outer object; `|` a message
 * of which the first field that is set stands for the whole.
 */
const table = {
  ...extensionMessages,

  ObjectMeta:
    '1 name s,2 generateName s,3 namespace s,4 selfLink s,5 uid s,6 resourceVersion s,7 generation i,' +
    '8 creationTimestamp T,9 deletionTimestamp T,10 deletionGracePeriodSeconds i?,11 labels {}s,12 annotations {}s,' +
    '13 ownerReferences []OwnerReference,14 finalizers []s,17 managedFields []ManagedFieldsEntry',
  OwnerReference: '1 kind s,3 name s,4 uid s,5 apiVersion s,6 controller b?,7 blockOwnerDeletion b?',
  ManagedFieldsEntry:
    '1 manager s,2 operation s,3 apiVersion s,4 time T,6 fieldsType s,7 fieldsV1 F,8 subresource s',
  ListMeta: '1 selfLink s,2 resourceVersion s,3 continue s,4 remainingItemCount i?',
  ObjectReference: '1 kind s,2 namespace s,3 name s,4 uid s,5 apiVersion s,6 resourceVersion s,7 fieldPath s',
  LocalObjectReference: '1 name s',
  LabelSelector: '1 matchLabels {}s,2 matchExpressions []LabelSelectorRequirement',
  LabelSelectorRequirement: '1 key s,2 operator s,3 values []s',

  'v1/Namespace': '1 metadata ObjectMeta,2 spec NamespaceSpec,3 status NamespaceStatus',
  NamespaceSpec: '1 finalizers []s',
  NamespaceStatus: '1 phase s,2 conditions []NamespaceCondition',
  NamespaceCondition: '1 type s,2 status s,4 lastTransitionTime T,5 reason s,6 message s',
  'v1/ConfigMap': '1 metadata ObjectMeta,2 data {}s,3 binaryData {}y,4 immutable b?',
  'v1/Secret': '1 metadata ObjectMeta,2 data {}y,3 type s,4 stringData {}s,5 immutable b?',
  'v1/ServiceAccount':
    '1 metadata ObjectMeta,2 secrets []ObjectReference,3 imagePullSecrets []LocalObjectReference,' +
    '4 automountServiceAccountToken b?',
  'v1/ResourceQuota': '1 metadata ObjectMeta,2 spec ResourceQuotaSpec,3 status ResourceQuotaStatus',
  ResourceQuotaSpec: '1 hard {}Q,2 scopes []s,3 scopeSelector ScopeSelector',
  ResourceQuotaStatus: '1 hard {}Q,2 used {}Q',
  ScopeSelector: '1 matchExpressions []ScopeRequirement',
  ScopeRequirement: '1 scopeName s,2 operator s,3 values []s',
  'v1/Event':
    '1 metadata ObjectMeta,2 involvedObject ObjectReference,3 reason s,4 message s,5 source EventSource,' +
    '6 firstTimestamp T,7 lastTimestamp T,8 count i,9 type s,10 eventTime M,11 series EventSeries,12 action s,' +
    '13 related ObjectReference,14 reportingComponent s,15 reportingInstance s',
  EventSource: '1 component s,2 host s',
  EventSeries: '1 count i,2 lastObservedTime M',
  'events.k8s.io/v1/Event':
    '1 metadata ObjectMeta,2 eventTime M,3 series EventSeries,4 reportingController s,5 reportingInstance s,' +
    '6 action s,7 reason s,8 regarding ObjectReference,9 related ObjectReference,10 note s,11 type s,' +
    '12 deprecatedSource EventSource,13 deprecatedFirstTimestamp T,14 deprecatedLastTimestamp T,15 deprecatedCount i',

  'coordination.k8s.io/v1/Lease': '1 metadata ObjectMeta,2 spec LeaseSpec',
  LeaseSpec:
    '1 holderIdentity s?,2 leaseDurationSeconds i?,3 acquireTime M,4 renewTime M,5 leaseTransitions i?,' +
    '6 strategy s?,7 preferredHolder s?',

  'rbac.authorization.k8s.io/v1/Role': '1 metadata ObjectMeta,2 rules []PolicyRule',
  'rbac.authorization.k8s.io/v1/ClusterRole':
    '1 metadata ObjectMeta,2 rules []PolicyRule,3 aggregationRule AggregationRule',
  PolicyRule: '1 verbs []s,2 apiGroups []s,3 resources []s,4 resourceNames []s,5 nonResourceURLs []s',
  AggregationRule: '1 clusterRoleSelectors []LabelSelector',
  'rbac.authorization.k8s.io/v1/RoleBinding': '1 metadata ObjectMeta,2 subjects []Subject,3 roleRef RoleRef',
  'rbac.authorization.k8s.io/v1/ClusterRoleBinding':
    '1 metadata ObjectMeta,2 subjects []Subject,3 roleRef RoleRef',
  Subject: '1 kind s,2 apiGroup s,3 name s,4 namespace s',
  RoleRef: '1 apiGroup s,2 kind s,3 name s',

  'authorization.k8s.io/v1/SelfSubjectAccessReview':
    '1 metadata ObjectMeta,2 spec SubjectAccessReviewSpec,3 status SubjectAccessReviewStatus',
  'authorization.k8s.io/v1/SubjectAccessReview':
    '1 metadata ObjectMeta,2 spec SubjectAccessReviewSpec,3 status SubjectAccessReviewStatus',
  'authorization.k8s.io/v1/LocalSubjectAccessReview':
    '1 metadata ObjectMeta,2 spec SubjectAccessReviewSpec,3 status SubjectAccessReviewStatus',
  'authorization.k8s.io/v1/SelfSubjectRulesReview': '1 metadata ObjectMeta,2 spec RulesReviewSpec',
  RulesReviewSpec: '1 namespace s',
  SubjectAccessReviewSpec:
    '1 resourceAttributes ResourceAttributes,2 nonResourceAttributes NonResourceAttributes,3 user s,4 groups []s,' +
    '5 extra {}X,6 uid s',
  SubjectAccessReviewStatus: '1 allowed b,2 reason s,3 evaluationError s,4 denied b',
  ResourceAttributes: '1 namespace s,2 verb s,3 group s,4 version s,5 resource s,6 subresource s,7 name s',
  NonResourceAttributes: '1 path s,2 verb s',

  'authentication.k8s.io/v1/SelfSubjectReview': '1 metadata ObjectMeta',
  'authentication.k8s.io/v1/TokenRequest':
    '1 metadata ObjectMeta,2 spec TokenRequestSpec,3 status TokenRequestStatus',
  TokenRequestSpec: '1 audiences []s,3 boundObjectRef BoundObjectReference,4 expirationSeconds i?',
  BoundObjectReference: '1 kind s,2 apiVersion s,3 name s,4 uid s',
  TokenRequestStatus: '1 token s,2 expirationTimestamp T',
  'authentication.k8s.io/v1/TokenReview': '1 metadata ObjectMeta,2 spec TokenReviewSpec',
  TokenReviewSpec: '1 token s,2 audiences []s',

  'certificates.k8s.io/v1/CertificateSigningRequest':
    '1 metadata ObjectMeta,2 spec CertificateRequestSpec,3 status CertificateRequestStatus',
  CertificateRequestSpec:
    '1 request y,2 username s,3 uid s,4 groups []s,5 usages []s,6 extra {}X,7 signerName s,8 expirationSeconds i?',
  CertificateRequestStatus: '1 conditions []CertificateCondition,2 certificate y',
  CertificateCondition:
    '1 type s,2 reason s,3 message s,4 lastUpdateTime T,5 lastTransitionTime T,6 status s',

  'autoscaling/v1/Scale': '1 metadata ObjectMeta,2 spec ScaleSpec,3 status ScaleStatus',
  ScaleSpec: '1 replicas i',
  ScaleStatus: '1 replicas i,2 selector s',

  DeleteOptions:
    '1 gracePeriodSeconds i?,2 preconditions Preconditions,3 orphanDependents b?,4 propagationPolicy s?,5 dryRun []s',
  Preconditions: '1 uid s?,2 resourceVersion s?',
} as const

export interface Field {
  readonly name: string
  readonly type: string
  readonly shape: 'one' | 'list' | 'map' | 'inline'
  /** A zero that was sent is kept. */
  readonly keepsZero: boolean
}

export type Message = ReadonlyMap<number, Field>

const parsed = new Map<string, Message>()

/** The fields of a message by number; undefined for one that is not known. */
export function messageNamed(name: string): Message | undefined {
  const known = parsed.get(name)
  if (known) return known
  if (!Object.hasOwn(table, name)) return undefined
  const message = parseMessage(table[name as keyof typeof table])
  parsed.set(name, message)
  return message
}

/** The message of a kind; DeleteOptions belong to every group. */
export function messageOfKind(apiVersion: string, kind: string): Message | undefined {
  return kind === 'DeleteOptions' ? messageNamed(kind) : messageNamed(`${apiVersion}/${kind}`)
}

function parseMessage(text: string): Message {
  return new Map(text === '' ? [] : text.split(',').map(parseField))
}

const shapes = { '[]': 'list', '{}': 'map', '~': 'inline' } as const

function parseField(entry: string): [number, Field] {
  const [number, name = '', spec = ''] = entry.split(' ')
  const [, mark, type = ''] = /^(\[\]|\{\}|~)?(.*?)\??$/.exec(spec) ?? []
  const shape = mark === undefined ? 'one' : shapes[mark as keyof typeof shapes]
  return [Number(number), { name, type, shape, keepsZero: spec.endsWith('?') || shape !== 'one' }]
}
