import { tokenRequests } from '../../service-accounts/token-request-kind.ts'
import { jsonEqual } from '../../../apimachinery/patch/json-equal.ts'
import { invalidValue, requiredField, unsupportedValue, type FieldError } from '../field-errors.ts'
import { at, objectsAt, stringsAt, textAt, type KubeObject } from '../kube-object.ts'
import { pathSegment } from '../names.ts'
import { builtIn } from './built-in.ts'
import {
  atomicObject,
  bool,
  kindSchema,
  list,
  keyedList,
  object,
  objectReference,
  strings,
  text,
} from './schema-parts.ts'

export const serviceAccounts = builtIn({
  kind: 'ServiceAccount',
  plural: 'serviceaccounts',
  shortNames: ['sa'],
  namespaced: true,
  schema: kindSchema('An identity for programs.', {
    secrets: keyedList('Secrets that the account may use.', ['name'], {
      ...objectReference('A secret of the same namespace.'),
      required: ['name'],
    }),
    imagePullSecrets: list('Secrets for pulling images.', object('', { name: text('Name of the secret.') })),
    automountServiceAccountToken: bool('Whether programs get a token without asking.'),
  }),
  strategy: { allowUnconditionalUpdate: false, returnsDeletedObject: true },
  subresources: { token: { type: 'action', body: tokenRequests } },
})

const group = 'rbac.authorization.k8s.io'

const rules = list(
  'What is allowed.',
  object(
    'Verbs on resources or on URLs.',
    {
      verbs: strings('What may be done; * is everything.'),
      apiGroups: strings('Groups of the resources; * is every group.'),
      resources: strings('Resources and subresources; * is every one.'),
      resourceNames: strings('The objects that the rule is limited to.'),
      nonResourceURLs: strings('URLs that are not resources; * at the end matches any rest.'),
    },
    ['verbs'],
  ),
)

const roleRef = atomicObject(
  'The role that is granted; it cannot be changed.',
  {
    apiGroup: text('Group of the role.', { default: group }),
    kind: text('Role or ClusterRole.'),
    name: text('Name of the role.'),
  },
  ['kind', 'name'],
)

const subjects = list(
  'Who gets the role.',
  atomicObject(
    'A user, group or service account.',
    {
      kind: text('User, Group or ServiceAccount.'),
      apiGroup: text('Group of the kind; empty for service accounts.'),
      name: text('Name of the subject.'),
      namespace: text('Namespace of a service account.'),
    },
    ['kind', 'name'],
  ),
)

const writable = { nameRule: pathSegment, allowCreateOnUpdate: true }

function ruleErrors(role: KubeObject, namespaced: boolean): FieldError[] {
  return objectsAt(role, 'rules').flatMap((rule, index) => {
    const field = `rules[${index}]`
    const urls = stringsAt(rule, 'nonResourceURLs')
    const errors: FieldError[] = []
    if (stringsAt(rule, 'verbs').length === 0) {
      errors.push(requiredField(`${field}.verbs`, 'verbs must contain at least one value'))
    }
    if (urls.length > 0) {
      if (namespaced) {
        errors.push(
          invalidValue(
            `${field}.nonResourceURLs`,
            urls,
            'namespaced rules cannot apply to non-resource URLs',
          ),
        )
      }
      if (stringsAt(rule, 'apiGroups').length + stringsAt(rule, 'resources').length > 0) {
        errors.push(
          invalidValue(
            `${field}.nonResourceURLs`,
            urls,
            'rules cannot apply to both regular resources and non-resource URLs',
          ),
        )
      }
      return errors
    }
    if (stringsAt(rule, 'apiGroups').length === 0) {
      errors.push(requiredField(`${field}.apiGroups`, 'resource rules must supply at least one api group'))
    }
    if (stringsAt(rule, 'resources').length === 0) {
      errors.push(requiredField(`${field}.resources`, 'resource rules must supply at least one resource'))
    }
    return errors
  })
}

export const roles = builtIn({
  group,
  kind: 'Role',
  plural: 'roles',
  namespaced: true,
  schema: kindSchema('Permissions within one namespace.', { rules }),
  strategy: {
    ...writable,
    validate: (role) => ruleErrors(role, true),
    validateUpdate: (role) => ruleErrors(role, true),
  },
})

export const clusterRoles = builtIn({
  group,
  kind: 'ClusterRole',
  plural: 'clusterroles',
  namespaced: false,
  schema: kindSchema('Permissions across the cluster.', {
    rules,
    aggregationRule: object('Rules are collected from other cluster roles.', {
      clusterRoleSelectors: list(
        'Roles that match any of these contribute.',
        atomicObject('A label selector.', {
          matchLabels: {
            type: 'object',
            description: 'Labels to have.',
            additionalProperties: { type: 'string' },
          },
          matchExpressions: list(
            'Further conditions on labels.',
            object('', { key: text(''), operator: text(''), values: strings('') }, ['key', 'operator']),
          ),
        }),
      ),
    }),
  }),
  strategy: {
    ...writable,
    validate: (role) => ruleErrors(role, false),
    validateUpdate: (role) => ruleErrors(role, false),
  },
})

function bindingErrors(binding: KubeObject, roleKinds: readonly string[]): FieldError[] {
  const errors: FieldError[] = []
  const ref = at(binding, 'roleRef')
  if (textAt(ref, 'apiGroup') !== group) {
    errors.push(unsupportedValue('roleRef.apiGroup', textAt(ref, 'apiGroup'), [group]))
  }
  if (!roleKinds.includes(textAt(ref, 'kind'))) {
    errors.push(unsupportedValue('roleRef.kind', textAt(ref, 'kind'), roleKinds))
  }
  if (textAt(ref, 'name') === '') errors.push(requiredField('roleRef.name'))
  objectsAt(binding, 'subjects').forEach((subject, index) => {
    errors.push(...subjectErrors(subject, `subjects[${index}]`, binding.metadata.namespace !== undefined))
  })
  return errors
}

function subjectErrors(
  subject: Parameters<typeof textAt>[0],
  field: string,
  namespaced: boolean,
): FieldError[] {
  const kind = textAt(subject, 'kind')
  if (textAt(subject, 'name') === '') return [requiredField(`${field}.name`)]
  if (kind === 'ServiceAccount') {
    return !namespaced && textAt(subject, 'namespace') === '' ? [requiredField(`${field}.namespace`)] : []
  }
  if (kind === 'User' || kind === 'Group') {
    const apiGroup = textAt(subject, 'apiGroup')
    return apiGroup === group ? [] : [unsupportedValue(`${field}.apiGroup`, apiGroup, [group])]
  }
  return [unsupportedValue(`${field}.kind`, kind, ['ServiceAccount', 'User', 'Group'])]
}

/** Subjects that are users or groups belong to RBAC's own group even when nobody says so. */
function fillSubjects(binding: KubeObject): void {
  if (!Array.isArray(binding['subjects'])) return
  binding['subjects'] = objectsAt(binding, 'subjects').map((subject) => {
    const kind = textAt(subject, 'kind')
    const needsGroup = (kind === 'User' || kind === 'Group') && textAt(subject, 'apiGroup') === ''
    return needsGroup ? { ...subject, apiGroup: group } : subject
  })
}

function bindingStrategy(roleKinds: readonly string[]) {
  return {
    ...writable,
    prepareForCreate: fillSubjects,
    prepareForUpdate: fillSubjects,
    validate: (binding: KubeObject) => bindingErrors(binding, roleKinds),
    validateUpdate(next: KubeObject, current: KubeObject) {
      const errors = bindingErrors(next, roleKinds)
      if (!jsonEqual(next['roleRef'], current['roleRef'])) {
        errors.push(invalidValue('roleRef', next['roleRef'], 'cannot change roleRef'))
      }
      return errors
    },
  }
}

export const roleBindings = builtIn({
  group,
  kind: 'RoleBinding',
  plural: 'rolebindings',
  namespaced: true,
  schema: kindSchema('Grants a role within one namespace.', { subjects, roleRef }, ['roleRef']),
  strategy: bindingStrategy(['Role', 'ClusterRole']),
})

export const clusterRoleBindings = builtIn({
  group,
  kind: 'ClusterRoleBinding',
  plural: 'clusterrolebindings',
  namespaced: false,
  schema: kindSchema('Grants a cluster role everywhere.', { subjects, roleRef }, ['roleRef']),
  strategy: bindingStrategy(['ClusterRole']),
})
