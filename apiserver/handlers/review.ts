import type { JsonObject } from '../../crds/meta/json.ts'
import type { ApiResource } from '../discovery/api-resource.ts'
import type { Authorizer, Attributes } from '../authorization/authorizer.ts'
import { objectReply, type Reply, type RequestContext, type UserInfo } from '../http/exchange.ts'
import { badRequest, invalid } from '../../apimachinery/status-error.ts'
import { requiredField } from '../registry/field-errors.ts'
import { at, objectAt, stringsAt, textAt } from '../registry/kube-object.ts'
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
  const { allowed, reason } = await authorizer.authorize(attributesOf(user, spec, kind), context.signal)
  return { spec, status: { allowed, ...(reason && { reason }) } }
}

async function reviewRules(
  authorizer: Authorizer,
  { user }: RequestContext,
  body: JsonObject,
): Promise<JsonObject> {
  const namespace = textAt(body, 'spec', 'namespace')
  if (namespace === '') throw badRequest('no namespace on request')
  const { rules, incomplete } = user
    ? await authorizer.rulesFor(user, namespace)
    : { rules: [], incomplete: false }
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
    },
  }
}

function userOf(spec: JsonObject): UserInfo | undefined {
  const name = textAt(spec, 'user')
  const groups = stringsAt(spec, 'groups')
  if (name === '' && groups.length === 0) return undefined
  const uid = textAt(spec, 'uid')
  return { name, groups, ...(uid && { uid }) }
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
  }
}
