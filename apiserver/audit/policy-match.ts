import type { RequestInfo } from '../http/request-info.ts'
import type { UserInfo } from '../http/exchange.ts'
import type { AuditLevel, AuditStage } from './audit-event.ts'
import type { AuditPolicy, AuditRule, GroupResources } from './policy.ts'

/** What the policy says about one request. */
export interface AuditScope {
  readonly level: AuditLevel
  readonly omitStages: ReadonlySet<AuditStage>
  readonly omitManagedFields: boolean
  readonly refusalsOnly: boolean
  /** The request may hold credentials: nothing of its body is written, not even where an error message quotes it. */
  readonly unspeakable: boolean
}

/** The first rule that matches decides; undefined when the request is not to be written. */
export function scopeOf(
  policy: AuditPolicy,
  info: RequestInfo,
  user: UserInfo | undefined,
): AuditScope | undefined {
  const rule = policy.rules.find((one) => ruleMatches(one, info, user))
  if (!rule || rule.level === 'None') return undefined
  const unspeakable = isUnspeakable(info)
  return {
    level: unspeakable ? 'Metadata' : rule.level,
    unspeakable,
    omitStages: new Set([...policy.omitStages, ...rule.omitStages]),
    omitManagedFields: rule.omitManagedFields ?? policy.omitManagedFields,
    refusalsOnly: rule.refusalsOnly ?? false,
  }
}

/** Requests whose bodies hold credentials, in one direction or the other: no policy brings them into the log. */
function isUnspeakable({ group, resource, subresource }: RequestInfo): boolean {
  if (group === '')
    return resource === 'secrets' || (resource === 'serviceaccounts' && subresource === 'token')
  return group === 'authentication.k8s.io' && resource === 'tokenreviews'
}

function ruleMatches(rule: AuditRule, info: RequestInfo, user: UserInfo | undefined): boolean {
  const { users, userGroups, verbs } = rule
  if (users.length > 0 && !(user && users.includes(user.name))) return false
  if (userGroups.length > 0 && !user?.groups.some((group) => userGroups.includes(group))) return false
  if (verbs.length > 0 && !verbs.includes(info.verb)) return false
  if (rule.namespaces.length + rule.resources.length > 0) return resourceRuleMatches(rule, info)
  if (rule.nonResourceURLs.length > 0) {
    return !info.isResource && rule.nonResourceURLs.some((url) => pathMatches(url, info.path))
  }
  return true
}

function resourceRuleMatches({ namespaces, resources }: AuditRule, info: RequestInfo): boolean {
  if (!info.isResource) return false
  if (namespaces.length > 0 && !namespaces.includes(info.namespace)) return false
  return resources.length === 0 || resources.some((one) => groupMatches(one, info))
}

function groupMatches(wanted: GroupResources, { group, resource, subresource, name }: RequestInfo): boolean {
  if (wanted.group !== group) return false
  if (wanted.resources.length === 0) return true
  if (wanted.resourceNames.length > 0 && !wanted.resourceNames.includes(name)) return false
  const whole = subresource === '' ? resource : `${resource}/${subresource}`
  return wanted.resources.some(
    (one) =>
      one === '*' ||
      one === whole ||
      one === `${resource}/*` ||
      (subresource !== '' && one === `*/${subresource}`),
  )
}

function pathMatches(rule: string, path: string): boolean {
  return rule === path || (rule.endsWith('*') && path.startsWith(rule.slice(0, -1)))
}
