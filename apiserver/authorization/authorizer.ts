import { mastersGroup } from '../authentication/authenticator.ts'
import type { RequestInfo } from '../http/request-info.ts'
import type { Rule } from './rbac-rules.ts'
import type { UserInfo } from '../http/exchange.ts'

/** What somebody wants to do. Resource fields are empty for other paths. */
export interface Attributes {
  readonly user: UserInfo
  readonly isResource: boolean
  readonly verb: string
  readonly group: string
  readonly version: string
  readonly resource: string
  readonly subresource: string
  readonly namespace: string
  readonly name: string
  readonly path: string
  /** Of a list or watch, as the client wrote it. */
  readonly fieldSelector?: string
}

/** Allowed, denied whatever others say, or, with neither set, left to the next authorizer. */
export interface Decision {
  readonly allowed: boolean
  /** Nobody that is asked later may allow it. */
  readonly denied?: boolean
  /** Which rule allowed it, or why nothing did; may be empty. */
  readonly reason: string
}

/** Everything a user may do in a namespace, as the rules say it. */
export interface GrantedRules {
  readonly rules: readonly Rule[]
  /** More may be allowed by something other than rules. */
  readonly incomplete: boolean
  /** Why it is incomplete, for people. */
  readonly evaluationError?: string
}

/** Decides whether a user may do something. */
export interface Authorizer {
  authorize(attributes: Attributes, signal: AbortSignal): Promise<Decision>
  rulesFor(user: UserInfo, namespace: string): Promise<GrantedRules>
}

export function attributesOf(user: UserInfo, info: RequestInfo): Attributes {
  return { user, ...info }
}

/** The rules of somebody who may do everything. */
export const everything: readonly Rule[] = [
  { verbs: ['*'], apiGroups: ['*'], resources: ['*'], resourceNames: [], nonResourceURLs: [] },
  { verbs: ['*'], apiGroups: [], resources: [], resourceNames: [], nonResourceURLs: ['*'] },
]

/** Everybody who is known may do everything. */
export const alwaysAllow: Authorizer = {
  authorize: async () => ({ allowed: true, reason: '' }),
  rulesFor: async () => ({ rules: everything, incomplete: false }),
}

/** Nobody may do anything. */
export const alwaysDeny: Authorizer = {
  authorize: async () => ({ allowed: false, reason: 'Everything is forbidden.' }),
  rulesFor: async () => ({ rules: [], incomplete: false }),
}

/** The administrators of last resort, who get in even when no role is left. */
export const privilegedGroup: Authorizer = {
  authorize: async ({ user }) => ({ allowed: user.groups.includes(mastersGroup), reason: '' }),
  rulesFor: async (user) => ({
    rules: user.groups.includes(mastersGroup) ? everything : [],
    incomplete: false,
  }),
}

/** Kubernetes' sentence for a refusal. */
export function forbiddenText({ user, ...wanted }: Attributes, reason: string): string {
  const because = reason === '' ? '' : `: ${reason}`
  const who = `User ${JSON.stringify(user.name)} cannot`
  if (!wanted.isResource)
    return `forbidden: ${who} ${wanted.verb} path ${JSON.stringify(wanted.path)}${because}`
  const resource = wanted.subresource === '' ? wanted.resource : `${wanted.resource}/${wanted.subresource}`
  const qualified = wanted.group === '' ? wanted.resource : `${wanted.resource}.${wanted.group}`
  const subject = wanted.name === '' ? `${qualified} is` : `${qualified} ${JSON.stringify(wanted.name)} is`
  const where =
    wanted.namespace === '' ? 'at the cluster scope' : `in the namespace ${JSON.stringify(wanted.namespace)}`
  return (
    `${subject} forbidden: ${who} ${wanted.verb} resource ${JSON.stringify(resource)} ` +
    `in API group ${JSON.stringify(wanted.group)} ${where}${because}`
  )
}
