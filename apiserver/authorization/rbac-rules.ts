import type { JsonObject } from '../../crds/meta/json.ts'
import { stringsAt } from '../registry/kube-object.ts'
import type { Attributes } from './authorizer.ts'

/** One rule of a role, its lists at hand. */
export interface Rule {
  readonly verbs: readonly string[]
  readonly apiGroups: readonly string[]
  readonly resources: readonly string[]
  readonly resourceNames: readonly string[]
  readonly nonResourceURLs: readonly string[]
}

export function ruleOf(rule: JsonObject): Rule {
  return {
    verbs: stringsAt(rule, 'verbs'),
    apiGroups: stringsAt(rule, 'apiGroups'),
    resources: stringsAt(rule, 'resources'),
    resourceNames: stringsAt(rule, 'resourceNames'),
    nonResourceURLs: stringsAt(rule, 'nonResourceURLs'),
  }
}

export function ruleAllows(rule: Rule, wanted: Attributes): boolean {
  if (!has(rule.verbs, wanted.verb)) return false
  if (!wanted.isResource) return rule.nonResourceURLs.some((url) => urlMatches(url, wanted.path))
  return (
    has(rule.apiGroups, wanted.group) &&
    rule.resources.some((resource) => resourceMatches(resource, wanted)) &&
    (rule.resourceNames.length === 0 || rule.resourceNames.includes(wanted.name))
  )
}

const has = (list: readonly string[], value: string) => list.includes('*') || list.includes(value)

function urlMatches(rule: string, path: string): boolean {
  if (rule === '*' || rule === path) return true
  return rule.endsWith('*') && path.startsWith(rule.slice(0, -1))
}

/** `*` is everything, `pods/log` one subresource, and an asterisk before the slash one subresource of every resource. */
function resourceMatches(rule: string, { resource, subresource }: Attributes): boolean {
  if (rule === '*') return true
  if (subresource === '') return rule === resource
  return rule === `${resource}/${subresource}` || rule === `*/${subresource}`
}
