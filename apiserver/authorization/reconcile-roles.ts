import { jsonEqual } from '../../apimachinery/patch/json-equal.ts'
import type { Json, JsonObject } from '../../crds/meta/json.ts'
import type { LocalApi } from '../handlers/local-api.ts'
import { clusterRoleBindings, clusterRoles } from '../registry/builtin/identity.ts'
import { objectsAt, type KubeObject } from '../registry/kube-object.ts'
import { defaultRoles, type DefaultRole, type RuleText } from './default-roles.ts'
import { ruleOf } from './rbac-rules.ts'
import { missingRights } from './rule-cover.ts'

const rbac = 'rbac.authorization.k8s.io'
const apiVersion = `${rbac}/v1`
/** `false` keeps the server's hands off a default role or binding. */
const autoUpdate = 'rbac.authorization.kubernetes.io/autoupdate'
const bootstrapping = { 'kubernetes.io/bootstrapping': 'rbac-defaults' }

export const aggregateLabel = (role: string) => `${rbac}/aggregate-to-${role}`

/**
 * Makes sure that the default roles and bindings are there: missing ones are made, missing rules, labels and
 * subjects are added. What an administrator has added stays.
 */
export async function reconcileDefaultRoles(
  api: Pick<LocalApi, 'createIfMissing' | 'update'>,
  wanted: readonly DefaultRole[] = defaultRoles,
): Promise<void> {
  for (const role of wanted) {
    const { name } = role
    const object = roleObject(role)
    await api.createIfMissing(clusterRoles, object)
    await api.update(clusterRoles, { namespace: '', name }, (current) =>
      withMissing(current, object, mergeRole),
    )
    const subjects = subjectsOf(role)
    if (subjects.length === 0) continue
    const binding = { ...bindingHead(name), subjects, roleRef: { apiGroup: rbac, kind: 'ClusterRole', name } }
    await api.createIfMissing(clusterRoleBindings, binding)
    await api.update(clusterRoleBindings, { namespace: '', name }, (current) =>
      withMissing(current, binding, mergeBinding),
    )
  }
}

type Merge = (current: KubeObject, wanted: JsonObject) => KubeObject

function withMissing(
  current: KubeObject,
  wanted: JsonObject & { metadata: JsonObject },
  merge: Merge,
): KubeObject | undefined {
  const { labels, annotations } = current.metadata
  if (annotations?.[autoUpdate] === 'false') return undefined
  const metadata = {
    ...current.metadata,
    labels: { ...labels, ...(wanted.metadata['labels'] as Record<string, string>) },
    annotations: { [autoUpdate]: 'true', ...annotations },
  }
  const next = merge({ ...current, metadata }, wanted)
  return jsonEqual(next, current) ? undefined : next
}

function mergeRole(current: KubeObject, wanted: JsonObject): KubeObject {
  const { aggregationRule } = wanted
  // The rules of such a role are collected elsewhere.
  if (aggregationRule !== undefined) return { ...current, aggregationRule }
  const rules = objectsAt(current, 'rules')
  const held = rules.map(ruleOf)
  const missing = objectsAt(wanted, 'rules').filter((rule) => missingRights(held, [ruleOf(rule)]).length > 0)
  return missing.length === 0 ? current : { ...current, rules: [...rules, ...missing] }
}

function mergeBinding(current: KubeObject, wanted: JsonObject): KubeObject {
  const subjects = objectsAt(current, 'subjects')
  const missing = objectsAt(wanted, 'subjects').filter(
    (subject) => !subjects.some((one) => jsonEqual(one, subject)),
  )
  return missing.length === 0 ? current : { ...current, subjects: [...subjects, ...missing] }
}

function roleObject({ name, rules, partOf = [], collects = false }: DefaultRole) {
  const labels = {
    ...bootstrapping,
    ...Object.fromEntries(partOf.map((one) => [aggregateLabel(one), 'true'])),
  }
  return {
    apiVersion,
    kind: 'ClusterRole',
    metadata: { name, labels, annotations: { [autoUpdate]: 'true' } },
    ...(collects
      ? { aggregationRule: { clusterRoleSelectors: [{ matchLabels: { [aggregateLabel(name)]: 'true' } }] } }
      : { rules: rules.map(ruleObject) }),
  }
}

function bindingHead(name: string) {
  const metadata = { name, labels: { ...bootstrapping }, annotations: { [autoUpdate]: 'true' } }
  return { apiVersion, kind: 'ClusterRoleBinding', metadata }
}

function subjectsOf({ groups = [], users = [] }: DefaultRole): JsonObject[] {
  return [
    ...groups.map((name) => ({ apiGroup: rbac, kind: 'Group', name })),
    ...users.map((name) => ({ apiGroup: rbac, kind: 'User', name })),
  ]
}

function ruleObject(rule: RuleText): Json {
  return Object.fromEntries(Object.entries(rule).map(([field, list]) => [field, [...(list as string[])]]))
}
