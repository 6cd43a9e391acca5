import { isJsonObject, type Json, type JsonObject } from '../../crds/meta/json.ts'
import { ageOf, humanDuration } from './age.ts'
import { creationDescription, metadataOf, nameColumn, type TableColumn } from './columns.ts'
import { eventColumns } from './event-columns.ts'

/**
 * The columns that kube-apiserver prints for a kind of its own, undefined for other kinds. `group` is '' for core.
 */
export function builtInColumns(group: string, kind: string): readonly TableColumn[] | undefined {
  return builtIn[`${kind}.${group}`]
}

/** The columns of kinds without any of their own: name and time of creation. */
export const defaultColumns: readonly TableColumn[] = [
  nameColumn,
  {
    definition: {
      name: 'Created At',
      type: 'date',
      format: '',
      description: creationDescription,
      priority: 0,
    },
    cell: (object) => metadataOf(object)['creationTimestamp'] ?? null,
  },
]

function column(
  name: string,
  description: string,
  cell: TableColumn['cell'],
  more: { type?: string; priority?: number } = {},
): TableColumn {
  return {
    definition: { name, type: more.type ?? 'string', format: '', description, priority: more.priority ?? 0 },
    cell,
  }
}

const age = column('Age', creationDescription, (object, now) =>
  ageOf(metadataOf(object)['creationTimestamp'], now),
)

function at(object: JsonObject, ...path: string[]): Json | undefined {
  let value: Json | undefined = object
  for (const key of path) value = isJsonObject(value) ? value[key] : undefined
  return value
}

const textAt = (object: JsonObject, ...path: string[]) => {
  const value = at(object, ...path)
  return typeof value === 'string' ? value : ''
}

const listAt = (object: JsonObject, ...path: string[]): JsonObject[] => {
  const value = at(object, ...path)
  return Array.isArray(value) ? value.filter(isJsonObject) : []
}

const sizeAt = (object: JsonObject, ...path: string[]) => {
  const value = at(object, ...path)
  return typeof value === 'object' && value !== null ? Object.keys(value).length : 0
}

const countOf = (name: string, description: string, ...path: string[]) =>
  column(name, description, (object) => listAt(object, ...path).length, { type: 'integer' })

const bindingColumns = (kind: string): readonly TableColumn[] => [
  nameColumn,
  column(
    'Role',
    `The role that the ${kind} grants.`,
    (object) => `${textAt(object, 'roleRef', 'kind')}/${textAt(object, 'roleRef', 'name')}`,
  ),
  age,
  column('Users', `Users in the ${kind}`, (object) => subjects(object, 'User'), { priority: 1 }),
  column('Groups', `Groups in the ${kind}`, (object) => subjects(object, 'Group'), { priority: 1 }),
  column(
    'ServiceAccounts',
    `ServiceAccounts in the ${kind}`,
    (object) => subjects(object, 'ServiceAccount'),
    { priority: 1 },
  ),
]

function subjects(object: JsonObject, kind: string): string {
  return listAt(object, 'subjects')
    .filter((subject) => subject['kind'] === kind)
    .map((subject) =>
      kind === 'ServiceAccount'
        ? `${textAt(subject, 'namespace')}/${textAt(subject, 'name')}`
        : textAt(subject, 'name'),
    )
    .join(', ')
}

function quotaText(object: JsonObject, limits: boolean): string {
  const hard = at(object, 'status', 'hard')
  return Object.entries(isJsonObject(hard) ? hard : {})
    .filter(([resource]) => resource.startsWith('limits') === limits)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(
      ([resource, most]) =>
        `${resource}: ${textAt(object, 'status', 'used', resource) || '0'}/${typeof most === 'string' ? most : '0'}`,
    )
    .join(', ')
}

function requestState(object: JsonObject): string {
  const conditions = listAt(object, 'status', 'conditions').map(({ type }) => type)
  const decision = conditions.includes('Denied')
    ? 'Denied'
    : conditions.includes('Approved')
      ? 'Approved'
      : 'Pending'
  const failed = conditions.includes('Failed') ? ',Failed' : ''
  return `${decision}${failed}${textAt(object, 'status', 'certificate') === '' ? '' : ',Issued'}`
}

function requestedDuration(object: JsonObject): string {
  const seconds = at(object, 'spec', 'expirationSeconds')
  return typeof seconds === 'number' ? humanDuration(seconds * 1000) : '<none>'
}

function paramKind(object: JsonObject): string {
  if (at(object, 'spec', 'paramKind') === undefined) return '<unset>'
  return `${textAt(object, 'spec', 'paramKind', 'apiVersion')}/${textAt(object, 'spec', 'paramKind', 'kind')}`
}

function paramRef(object: JsonObject): string {
  if (at(object, 'spec', 'paramRef') === undefined) return '<unset>'
  const namespace = textAt(object, 'spec', 'paramRef', 'namespace')
  const name = textAt(object, 'spec', 'paramRef', 'name')
  if (name !== '') return namespace === '' ? name : `${namespace}/${name}`
  return namespace === '' ? '*/' : `${namespace}/*`
}

const policyColumns = (counted: TableColumn): readonly TableColumn[] => [
  nameColumn,
  counted,
  column('ParamKind', 'The kind of objects that parameterize the policy.', paramKind),
  age,
]

const policyBindingColumns: readonly TableColumn[] = [
  nameColumn,
  column('PolicyName', 'The policy that is bound.', (object) => textAt(object, 'spec', 'policyName')),
  column('ParamRef', 'The object with the parameters.', paramRef),
  age,
]

function serviceText(object: JsonObject): string {
  const name = textAt(object, 'spec', 'service', 'name')
  return name === '' ? 'Local' : `${textAt(object, 'spec', 'service', 'namespace')}/${name}`
}

function available(object: JsonObject): string {
  const condition = listAt(object, 'status', 'conditions').find(({ type }) => type === 'Available')
  if (condition === undefined) return 'Unknown'
  return condition['status'] === 'True'
    ? 'True'
    : `${textAt(condition, 'status')} (${textAt(condition, 'reason')})`
}

const webhooks = countOf('Webhooks', 'How many webhooks the configuration registers.', 'webhooks')
const webhookColumns: readonly TableColumn[] = [nameColumn, webhooks, age]

const numberText =
  (...path: string[]) =>
  (object: JsonObject) => {
    const value = at(object, ...path)
    return typeof value === 'number' ? String(value) : '<none>'
  }

function missingPriorityLevel(object: JsonObject): string {
  const dangling = listAt(object, 'status', 'conditions').find(({ type }) => type === 'Dangling')
  return dangling === undefined ? '?' : textAt(dangling, 'status')
}

const shares = ['spec', 'limited']
const queuing = [...shares, 'limitResponse', 'queuing']

const builtIn: Partial<Record<string, readonly TableColumn[]>> = {
  'Namespace.': [
    nameColumn,
    column('Status', 'The status of the namespace', (object) => textAt(object, 'status', 'phase')),
    age,
  ],
  'ConfigMap.': [
    nameColumn,
    column(
      'Data',
      'How many keys there are.',
      (object) => sizeAt(object, 'data') + sizeAt(object, 'binaryData'),
    ),
    age,
  ],
  'Secret.': [
    nameColumn,
    column('Type', 'What the secret is for.', (object) => textAt(object, 'type')),
    column('Data', 'How many keys there are.', (object) => sizeAt(object, 'data')),
    age,
  ],
  'ServiceAccount.': [
    nameColumn,
    column('Secrets', 'How many secrets the account lists.', (object) => listAt(object, 'secrets').length),
    age,
  ],
  'ResourceQuota.': [
    nameColumn,
    column('Request', 'What is requested of each resource, and the most that may be.', (object) =>
      quotaText(object, false),
    ),
    column('Limit', 'The limits of each resource, and the most that they may be.', (object) =>
      quotaText(object, true),
    ),
    age,
  ],
  'Event.': eventColumns,
  'Event.events.k8s.io': eventColumns,
  'Lease.coordination.k8s.io': [
    nameColumn,
    column('Holder', 'Who holds the lease.', (object) => textAt(object, 'spec', 'holderIdentity')),
    age,
  ],
  'CustomResourceDefinition.apiextensions.k8s.io': defaultColumns,
  'Role.rbac.authorization.k8s.io': defaultColumns,
  'ClusterRole.rbac.authorization.k8s.io': defaultColumns,
  'RoleBinding.rbac.authorization.k8s.io': bindingColumns('roleBinding'),
  'ClusterRoleBinding.rbac.authorization.k8s.io': bindingColumns('clusterRoleBinding'),
  'CertificateSigningRequest.certificates.k8s.io': [
    nameColumn,
    age,
    column(
      'SignerName',
      'Who is asked to sign.',
      (object) => textAt(object, 'spec', 'signerName') || '<none>',
    ),
    column('Requestor', 'Who asked.', (object) => textAt(object, 'spec', 'username')),
    column('RequestedDuration', 'How long the certificate shall be valid.', requestedDuration),
    column('Condition', 'What has become of the request.', requestState),
  ],
  'MutatingWebhookConfiguration.admissionregistration.k8s.io': webhookColumns,
  'ValidatingWebhookConfiguration.admissionregistration.k8s.io': webhookColumns,
  'ValidatingAdmissionPolicy.admissionregistration.k8s.io': policyColumns(
    countOf('Validations', 'How many rules the policy has.', 'spec', 'validations'),
  ),
  'MutatingAdmissionPolicy.admissionregistration.k8s.io': policyColumns(
    countOf('Mutations', 'How many mutations the policy makes.', 'spec', 'mutations'),
  ),
  'ValidatingAdmissionPolicyBinding.admissionregistration.k8s.io': policyBindingColumns,
  'MutatingAdmissionPolicyBinding.admissionregistration.k8s.io': policyBindingColumns,
  'APIService.apiregistration.k8s.io': [
    nameColumn,
    column('Service', 'The service that answers.', serviceText),
    column('Available', 'Whether it answers.', available),
    age,
  ],
  'FlowSchema.flowcontrol.apiserver.k8s.io': [
    nameColumn,
    column('PriorityLevel', 'The level that requests are counted on.', (object) =>
      textAt(object, 'spec', 'priorityLevelConfiguration', 'name'),
    ),
    column(
      'MatchingPrecedence',
      'Which schema wins when several match: the lowest.',
      numberText('spec', 'matchingPrecedence'),
    ),
    column(
      'DistinguisherMethod',
      'How flows are told apart.',
      (object) => textAt(object, 'spec', 'distinguisherMethod', 'type') || '<none>',
    ),
    age,
    column('MissingPL', 'Whether the level does not exist.', missingPriorityLevel),
  ],
  'PriorityLevelConfiguration.flowcontrol.apiserver.k8s.io': [
    nameColumn,
    column('Type', 'Whether requests are limited on this level.', (object) => textAt(object, 'spec', 'type')),
    column(
      'NominalConcurrencyShares',
      'The share of all seats.',
      numberText(...shares, 'nominalConcurrencyShares'),
    ),
    column('Queues', 'How many queues there are.', numberText(...queuing, 'queues')),
    column('HandSize', 'How many queues a flow may use.', numberText(...queuing, 'handSize')),
    column(
      'QueueLengthLimit',
      'How many requests may wait in a queue.',
      numberText(...queuing, 'queueLengthLimit'),
    ),
    age,
  ],
}
