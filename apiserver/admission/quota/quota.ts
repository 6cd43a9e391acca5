import { listAt, objectAt, type KubeObject } from '../../registry/kube-object.ts'
import { masked, toJson, usageFrom, type Usage } from './usage.ts'

/** The limits in force, which are those that the usage has been counted for. */
export function limitsOf(quota: KubeObject): Usage {
  return usageFrom(objectAt(quota, 'status', 'hard'))
}

export function usedOf(quota: KubeObject): Usage {
  return usageFrom(objectAt(quota, 'status', 'used'))
}

/** The limits as they are wanted. */
export function wantedLimits(quota: KubeObject): Usage {
  return usageFrom(objectAt(quota, 'spec', 'hard'))
}

/** Scopes tell pods apart, and there are none: a quota with scopes counts nothing. */
export function hasScopes(quota: KubeObject): boolean {
  const selected = listAt(quota, 'spec', 'scopeSelector', 'matchExpressions')
  return listAt(quota, 'spec', 'scopes').length > 0 || selected.length > 0
}

/** The quota with another usage; what it has no limit for is left out. */
export function withUsed(
  quota: KubeObject,
  used: Usage,
  hard = objectAt(quota, 'status', 'hard'),
): KubeObject {
  const shown = masked(used, (name) => Object.hasOwn(hard, name))
  return { ...quota, status: { ...objectAt(quota, 'status'), hard, used: toJson(shown) } }
}
