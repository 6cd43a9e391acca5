import { jsonEqual } from '../../apimachinery/patch/json-equal.ts'
import type { JsonObject } from '../../crds/meta/json.ts'
import { builtIn, statusPart } from '../registry/builtin/built-in.ts'
import {
  bool,
  conditionList,
  integer,
  kindSchema,
  list,
  object,
  strings,
  text,
} from '../registry/builtin/schema-parts.ts'
import type { FieldError } from '../registry/field-errors.ts'
import { listAt, objectAt, objectsAt, stringsAt, textAt, type KubeObject } from '../registry/kube-object.ts'
import { dnsLabel, dnsSubdomain } from '../registry/names.ts'
import { forbiddenField, invalidField, requiredField, unsupportedField } from '../schema/field-error.ts'
import { mandatoryFlowSchemas } from './default-configuration.ts'

const subject = object(
  'Somebody who asks.',
  {
    kind: text('User, Group or ServiceAccount.'),
    user: object('Set for kind User.', { name: text('Name of the user, or *.') }, ['name']),
    group: object('Set for kind Group.', { name: text('Name of the group, or *.') }, ['name']),
    serviceAccount: object(
      'Set for kind ServiceAccount.',
      { namespace: text('Namespace of the account.'), name: text('Name of the account, or *.') },
      ['namespace', 'name'],
    ),
  },
  ['kind'],
)

const rule = object(
  'Requests by subject and by what they ask for; one of each has to match.',
  {
    subjects: list('Who asks.', subject),
    resourceRules: list(
      'Requests for objects.',
      object(
        '',
        {
          verbs: strings('Verbs, or *.'),
          apiGroups: strings('API groups, or *.'),
          resources: strings('Resources with their subresources, such as hosts/status, or *.'),
          clusterScope: bool('Whether requests without a namespace match.'),
          namespaces: strings('Namespaces, or *.'),
        },
        ['verbs', 'apiGroups', 'resources'],
      ),
    ),
    nonResourceRules: list(
      'Requests for other paths.',
      object(
        '',
        {
          verbs: strings('Verbs, or *.'),
          nonResourceURLs: strings('Paths, of which the last part may be *.'),
        },
        ['verbs', 'nonResourceURLs'],
      ),
    ),
  },
  ['subjects'],
)

export const flowSchemas = builtIn({
  group: 'flowcontrol.apiserver.k8s.io',
  kind: 'FlowSchema',
  plural: 'flowschemas',
  namespaced: false,
  schema: kindSchema('Sorts requests into flows and gives them a priority level.', {
    spec: object(
      'Which requests, and what becomes of them.',
      {
        priorityLevelConfiguration: object('The priority level.', { name: text('Its name.') }, ['name']),
        matchingPrecedence: integer('Of several schemas that match, the one with the lowest number counts.', {
          default: 1000,
        }),
        distinguisherMethod: object(
          'What tells the flows of this schema apart; left out, they are one.',
          { type: text('ByUser or ByNamespace.') },
          ['type'],
        ),
        rules: list('One of them has to match.', rule),
      },
      ['priorityLevelConfiguration'],
    ),
    status: object('State of the schema.', {
      conditions: conditionList('Dangling: the priority level does not exist.'),
    }),
  }),
  strategy: {
    countsGenerations: true,
    allowUnconditionalUpdate: true,
    prepareForCreate: (schema) => void delete schema['status'],
    validate: flowSchemaErrors,
    validateUpdate: flowSchemaErrors,
  },
  subresources: { status: statusPart },
  stored: { prefix: '/registry/flowschemas/' },
})

const maxPrecedence = 10_000

function flowSchemaErrors(schema: KubeObject): FieldError[] {
  const name = schema.metadata.name ?? ''
  const spec = objectAt(schema, 'spec')
  const errors = [...precedenceErrors(name, Number(spec['matchingPrecedence'] ?? 0)), ...levelErrors(spec)]
  const method = textAt(spec, 'distinguisherMethod', 'type')
  if (spec['distinguisherMethod'] !== undefined && method !== 'ByUser' && method !== 'ByNamespace') {
    errors.push(unsupportedField('spec.distinguisherMethod.type', method, ['ByNamespace', 'ByUser']))
  }
  objectsAt(spec, 'rules').forEach((one, index) => errors.push(...ruleErrors(one, `spec.rules[${index}]`)))
  const fixed = mandatoryFlowSchemas.find(({ metadata }) => metadata.name === name)
  if (fixed && !jsonEqual(fixed['spec'], spec)) {
    errors.push(invalidField('spec', spec, `spec of '${name}' must equal the fixed value`))
  }
  return errors
}

function precedenceErrors(name: string, precedence: number): FieldError[] {
  const invalid = (why: string) => [invalidField('spec.matchingPrecedence', precedence, why)]
  if (precedence <= 0) return invalid('must be a positive value')
  if (precedence > maxPrecedence) return invalid(`must not be greater than ${maxPrecedence}`)
  if (precedence === 1 && name !== 'exempt') {
    return invalid("only the schema named 'exempt' may have matchingPrecedence 1")
  }
  return []
}

function levelErrors(spec: JsonObject): FieldError[] {
  const field = 'spec.priorityLevelConfiguration.name'
  const name = textAt(spec, 'priorityLevelConfiguration', 'name')
  if (name === '') return [requiredField(field, 'must reference a priority level')]
  return dnsSubdomain(name).map((problem) => invalidField(field, name, problem))
}

function ruleErrors(rules: JsonObject, path: string): FieldError[] {
  const subjects = objectsAt(rules, 'subjects')
  const resources = objectsAt(rules, 'resourceRules')
  const paths = objectsAt(rules, 'nonResourceRules')
  const errors: FieldError[] = []
  if (subjects.length === 0) {
    errors.push(requiredField(`${path}.subjects`, 'subjects must contain at least one value'))
  }
  if (resources.length === 0 && paths.length === 0) {
    errors.push(requiredField(path, 'at least one of resourceRules and nonResourceRules has to be non-empty'))
  }
  subjects.forEach((one, index) => errors.push(...subjectErrors(one, `${path}.subjects[${index}]`)))
  resources.forEach((one, index) => errors.push(...resourceErrors(one, `${path}.resourceRules[${index}]`)))
  paths.forEach((one, index) => errors.push(...pathErrors(one, `${path}.nonResourceRules[${index}]`)))
  return errors
}

const subjectFields = { User: 'user', Group: 'group', ServiceAccount: 'serviceAccount' } as const

function subjectErrors(one: JsonObject, path: string): FieldError[] {
  const kind = textAt(one, 'kind')
  if (!Object.hasOwn(subjectFields, kind)) {
    return [unsupportedField(`${path}.kind`, kind, ['Group', 'ServiceAccount', 'User'])]
  }
  const errors: FieldError[] = []
  for (const [other, field] of Object.entries(subjectFields)) {
    const given = one[field] !== undefined
    if (other !== kind && given) {
      errors.push(
        forbiddenField(`${path}.${field}`, `${field} is forbidden when subject kind is not '${other}'`),
      )
    }
    if (other !== kind) continue
    if (!given) {
      errors.push(requiredField(`${path}.${field}`, `${field} is required when subject kind is '${kind}'`))
    } else if (textAt(one, field, 'name') === '') errors.push(requiredField(`${path}.${field}.name`))
    if (given && kind === 'ServiceAccount' && textAt(one, field, 'namespace') === '') {
      errors.push(requiredField(`${path}.${field}.namespace`, 'must specify namespace for service account'))
    }
  }
  return errors
}

const verbs = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'proxy', 'update', 'watch']

function verbErrors(one: JsonObject, path: string): FieldError[] {
  const given = stringsAt(one, 'verbs')
  if (given.length === 0) return [requiredField(`${path}.verbs`, 'verbs must contain at least one value')]
  if (given.includes('*')) return wildcardErrors(one, `${path}.verbs`, 'verbs')
  if (given.every((verb) => verbs.includes(verb))) return []
  return [unsupportedField(`${path}.verbs`, listAt(one, 'verbs'), verbs)]
}

/** `*` stands alone. */
function wildcardErrors(one: JsonObject, field: string, what: string): FieldError[] {
  const given = listAt(one, field.slice(field.lastIndexOf('.') + 1))
  if (given.length <= 1 || !given.includes('*')) return []
  return [invalidField(field, given, `if '*' is present, must not specify other ${what}`)]
}

function resourceErrors(one: JsonObject, path: string): FieldError[] {
  const errors = verbErrors(one, path)
  for (const [field, what, atLeast] of [
    ['apiGroups', 'api groups', 'resource rules must supply at least one api group'],
    ['resources', 'resources', 'resource rules must supply at least one resource'],
  ] as const) {
    if (listAt(one, field).length === 0) errors.push(requiredField(`${path}.${field}`, atLeast))
    else errors.push(...wildcardErrors(one, `${path}.${field}`, what))
  }
  const namespaces = stringsAt(one, 'namespaces')
  const field = `${path}.namespaces`
  if (namespaces.length === 0 && one['clusterScope'] !== true) {
    const why = 'resource rules that are not cluster scoped must supply at least one namespace'
    return [...errors, requiredField(field, why)]
  }
  if (namespaces.includes('*')) return [...errors, ...wildcardErrors(one, field, 'namespaces')]
  namespaces.forEach((namespace, index) => {
    for (const problem of dnsLabel(namespace)) {
      const why = `each member of this list must be '*' or a DNS-1123 label; ${problem}`
      errors.push(invalidField(`${field}[${index}]`, namespace, why))
    }
  })
  return errors
}

function pathErrors(one: JsonObject, path: string): FieldError[] {
  const errors = verbErrors(one, path)
  const field = `${path}.nonResourceURLs`
  const urls = stringsAt(one, 'nonResourceURLs')
  if (urls.length === 0) {
    return [...errors, requiredField(field, 'nonResourceURLs must contain at least one value')]
  }
  if (urls.includes('*')) return [...errors, ...wildcardErrors(one, field, 'non-resource URLs')]
  urls.forEach((url, index) => {
    const at = `${field}[${index}]`
    if (!url.startsWith('/')) errors.push(invalidField(at, url, 'must start with slash'))
    else if (url.includes(' ')) errors.push(invalidField(at, url, 'must not contain white-space'))
    else if (/\/\//.test(url)) errors.push(invalidField(at, url, 'must not contain double slash'))
    else if (/\*/.test(url.replace(/\/\*$/, ''))) {
      errors.push(invalidField(at, url, 'wildcard can only do suffix matching'))
    }
  })
  return errors
}
