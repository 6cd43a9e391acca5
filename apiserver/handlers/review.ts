import type { Json, JsonObject } from '../../crds/meta/json.ts'
import type { ApiResource } from '../discovery/api-resource.ts'
import type { Authorizer, Attributes, GrantedRules } from '../authorization/authorizer.ts'
import { objectReply, type Reply, type RequestContext, type UserInfo } from '../http/exchange.ts'
import { badRequest, invalid } from '../../apimachinery/status-error.ts'
import { invalidValue, requiredField } from '../registry/field-errors.ts'
import { at, objectAt, objectsAt, stringsAt, textAt } from '../registry/kube-object.ts'
import { readJson } from './incoming.ts'

/** A kind that is only ever posted, and answered from what the server knows. */
export interface ReviewResource extends ApiResource {
  handle(context: RequestContext): Promise<Reply>
}

/** The kinds that tell who somebody is and what they may do. */
export function reviewResources(authorizer: Authorizer): ReviewResource[] {
  const authorization = 'authorization.k8s.io'
  const accessReview = (kind: string, namespaced: boolean, self: boolean) =>
    review({ group: authorization, kind, namespaced }, (context, body) =>
      reviewAccess(authorizer, context, { body, self, kind }),
    )
  return [
    review(
      { group: 'authentication.k8s.io', kind: 'SelfSubjectReview', namespaced: false },
      async ({ user }) => ({
        status: { userInfo: userInfoOf(user) },
      }),
    ),
    review({ group: authorization, kind: 'SelfSubjectRulesReview', namespaced: false }, (context, body) =>
      reviewRules(authorizer, context, body),
    ),
    accessReview('SelfSubjectAccessReview', false, true),
    accessReview('SubjectAccessReview', false, false),
    accessReview('LocalSubjectAccessReview', true, false),
  ]
}

/** A review whose answer is made by `answer` from the body that was posted. */
export function review(
  { group, kind, namespaced }: { group: string; kind: string; namespaced: boolean },
  answer: (context: RequestContext, body: JsonObject) => Promise<JsonObject>,
): ReviewResource {
  const version = 'v1'
  return {
    group,
    version,
    kind,
    namespaced,
    plural: `${kind.toLowerCase()}s`,
    singular: kind.toLowerCase(),
    verbs: ['create'],
    shortNames: [],
    categories: [],
    subresources: [],
    async handle(context) {
      const body = await readJson(context)
      const answered = await answer(context, body)
      return objectReply(
        {
          ...body,
          kind,
          apiVersion: `${group}/${version}`,
          metadata: objectAt(body, 'metadata'),
          ...answered,
        },
        201,
      )
    },
  }
}

/** A user as reviews show one. */
export function userInfoOf(user: UserInfo | undefined): JsonObject {
  if (!user) return {}
  return {
    username: user.name,
    ...(user.uid && { uid: user.uid }),
    groups: [...user.groups],
    ...(user.extra && {
      extra: Object.fromEntries(Object.entries(user.extra).map(([key, value]) => [key, [...value]])),
    }),
  }
}

async function reviewAccess(
  authorizer: Authorizer,
  context: RequestContext,
  { body, self, kind }: { body: JsonObject; self: boolean; kind: string },
): Promise<JsonObject> {
  const spec = objectAt(body, 'spec')
  const user = self ? context.user : userOf(spec)
  if (!user)
    throw invalid({ group: 'authorization.k8s.io', kind }, '', [
      requiredField('spec.user', 'at least one of user or group must be specified'),
    ])
  if (kind === 'LocalSubjectAccessReview') checkNamespace(context, spec)
  return { spec, status: await decisionStatus(authorizer, attributesOf(user, spec, kind), context.signal) }
}

async function decisionStatus(
  authorizer: Authorizer,
  wanted: Attributes,
  signal: AbortSignal,
): Promise<JsonObject> {
  try {
    const { allowed, denied, reason } = await authorizer.authorize(wanted, signal)
    return { allowed, ...(denied && { denied }), ...(reason && { reason }) }
  } catch (error) {
    signal.throwIfAborted()
    return { allowed: false, evaluationError: (error as Error).message }
  }
}

/** A local review asks about its own namespace. Throws BadRequest or Invalid. */
function checkNamespace({ info }: RequestContext, spec: JsonObject): void {
  const kind = { group: 'authorization.k8s.io', kind: 'LocalSubjectAccessReview' }
  const { nonResourceAttributes } = spec
  if (nonResourceAttributes !== undefined) {
    const why = 'disallowed on this kind of request'
    throw invalid(kind, '', [invalidValue('spec.nonResourceAttributes', nonResourceAttributes, why)])
  }
  if (textAt(spec, 'resourceAttributes', 'namespace') !== info.namespace) {
    throw badRequest(`spec.resourceAttributes.namespace must match namespace: ${info.namespace}`)
  }
}

async function reviewRules(
  authorizer: Authorizer,
  { user }: RequestContext,
  body: JsonObject,
): Promise<JsonObject> {
  const namespace = textAt(body, 'spec', 'namespace')
  if (namespace === '') throw badRequest('no namespace on request')
  const granted: GrantedRules = user
    ? await authorizer.rulesFor(user, namespace)
    : { rules: [], incomplete: false }
  const { rules, incomplete, evaluationError } = granted
  const onResources = rules.filter(({ nonResourceURLs }) => nonResourceURLs.length === 0)
  const onUrls = rules.filter(({ nonResourceURLs }) => nonResourceURLs.length > 0)
  return {
    status: {
      resourceRules: onResources.map(({ verbs, apiGroups, resources, resourceNames }) => ({
        verbs: [...verbs],
        apiGroups: [...apiGroups],
        resources: [...resources],
        ...(resourceNames.length > 0 && { resourceNames: [...resourceNames] }),
      })),
      nonResourceRules: onUrls.map(({ verbs, nonResourceURLs }) => ({
        verbs: [...verbs],
        nonResourceURLs: [...nonResourceURLs],
      })),
      incomplete,
      ...(evaluationError !== undefined && { evaluationError }),
    },
  }
}

function userOf(spec: JsonObject): UserInfo | undefined {
  const name = textAt(spec, 'user')
  const groups = stringsAt(spec, 'groups')
  if (name === '' && groups.length === 0) return undefined
  const uid = textAt(spec, 'uid')
  const fields = Object.keys(objectAt(spec, 'extra'))
  const extra = Object.fromEntries(fields.map((field) => [field, stringsAt(spec, 'extra', field)]))
  return { name, groups, ...(uid && { uid }), ...(fields.length > 0 && { extra }) }
}

function attributesOf(user: UserInfo, spec: JsonObject, kind: string): Attributes {
  const resource = at(spec, 'resourceAttributes')
  const other = at(spec, 'nonResourceAttributes')
  if ((resource === undefined) === (other === undefined)) {
    throw invalid({ group: 'authorization.k8s.io', kind }, '', [
      {
        reason: 'FieldValueInvalid',
        message:
          'Invalid value: exactly one of nonResourceAttributes or resourceAttributes must be specified',
        field: 'spec.resourceAttributes',
      },
    ])
  }
  const isResource = resource !== undefined
  const from = isResource ? resource : other
  return {
    user,
    isResource,
    verb: textAt(from, 'verb'),
    group: textAt(from, 'group'),
    version: textAt(from, 'version'),
    resource: textAt(from, 'resource'),
    subresource: textAt(from, 'subresource'),
    namespace: textAt(from, 'namespace'),
    name: textAt(from, 'name'),
    path: textAt(from, 'path'),
    ...fieldSelectorOf(from),
  }
}

/** What a list that is asked about would select, as the text of a field selector. */
function fieldSelectorOf(attributes: Json | undefined): Pick<Attributes, 'fieldSelector'> {
  const raw = textAt(attributes, 'fieldSelector', 'rawSelector')
  const requirements = objectsAt(attributes, 'fieldSelector', 'requirements').flatMap((one) => {
    const values = stringsAt(one, 'values')
    const sign = { In: '=', NotIn: '!=' }[textAt(one, 'operator')]
    return sign === undefined || values.length !== 1 ? [] : [`${textAt(one, 'key')}${sign}${values[0] ?? ''}`]
  })
  const fieldSelector = raw || requirements.join(',')
  return fieldSelector === '' ? {} : { fieldSelector }
}
