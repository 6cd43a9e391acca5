import type { ResourceCache } from '../cache/cache.ts'
import { mastersGroup } from '../authentication/authenticator.ts'
import type { UserInfo } from '../http/exchange.ts'
import { clusterRoleBindings, clusterRoles, roleBindings, roles } from '../registry/builtin/identity.ts'
import { objectsAt, textAt, type KubeObject } from '../registry/kube-object.ts'
import type { ObjectStore } from '../registry/object-store.ts'
import {
  everything,
  type Attributes,
  type Authorizer,
  type Decision,
  type GrantedRules,
} from './authorizer.ts'
import { ruleAllows, ruleOf, type Rule } from './rbac-rules.ts'

/** A role granted by one binding. */
interface Grant {
  /** Empty for grants that hold everywhere. */
  readonly namespace: string
  readonly rules: readonly Rule[]
  /** Names role and binding, for the answer of access reviews. */
  readonly reason: string
  /** Why the binding grants nothing. */
  readonly problem?: string
}

type GrantsBySubject = ReadonlyMap<string, readonly Grant[]>

const sources = [roles, roleBindings, clusterRoles, clusterRoleBindings] as const

/**
 * Decides by the stored Roles and bindings. What they grant is worked out once and again after a change, so that a
 * decision costs a few look-ups.
 */
export class RbacAuthorizer implements Authorizer {
  readonly #objects: ObjectStore
  readonly #signal: AbortSignal
  #caches: readonly ResourceCache[] = []
  #grants: GrantsBySubject | undefined

  /** `signal` ends the subscriptions to the stored roles. */
  constructor(objects: ObjectStore, signal: AbortSignal) {
    this.#objects = objects
    this.#signal = signal
  }

  /** Resolves once the stored roles are known. */
  async start(): Promise<void> {
    this.#caches = await Promise.all(sources.map((source) => this.#objects.cache(source, this.#signal)))
    for (const [index, cache] of this.#caches.entries())
      this.#follow(cache, sources[index]?.stored.prefix ?? '')
  }

  #follow(cache: ResourceCache, prefix: string): void {
    const forget = () => void (this.#grants = undefined)
    const stop = cache.subscribe(prefix, cache.revision, {
      onEvents: forget,
      onReset: () => {
        forget()
        if (!this.#signal.aborted) this.#follow(cache, prefix)
      },
    })
    this.#signal.addEventListener('abort', stop, { once: true })
  }

  async authorize(wanted: Attributes): Promise<Decision> {
    const { user, namespace } = wanted
    if (user.groups.includes(mastersGroup)) return { allowed: true, reason: '' }
    this.#grants ??= this.#collect()
    const problems = new Set<string>()
    for (const subject of subjectsOf(user)) {
      for (const grant of this.#grants.get(subject) ?? []) {
        if (grant.namespace !== '' && grant.namespace !== namespace) continue
        if (grant.rules.some((rule) => ruleAllows(rule, wanted)))
          return { allowed: true, reason: grant.reason }
        if (grant.problem !== undefined) problems.add(grant.problem)
      }
    }
    return { allowed: false, reason: reasonOf([...problems]) }
  }

  async rulesFor(user: UserInfo, namespace: string): Promise<GrantedRules> {
    if (user.groups.includes(mastersGroup)) return { rules: everything, incomplete: false }
    this.#grants ??= this.#collect()
    const grants = subjectsOf(user).flatMap((subject) => this.#grants?.get(subject) ?? [])
    const held = grants.filter((grant) => grant.namespace === '' || grant.namespace === namespace)
    const problems = new Set(held.flatMap(({ problem }) => problem ?? []))
    return {
      rules: held.flatMap(({ rules }) => rules),
      incomplete: problems.size > 0,
      ...(problems.size > 0 && { evaluationError: listed([...problems]) }),
    }
  }

  #collect(): GrantsBySubject {
    const [roleObjects = [], roleBindingObjects = [], clusterRoleObjects = [], clusterBindingObjects = []] =
      this.#caches.map((cache, index) =>
        cache.list(sources[index]?.stored.prefix ?? '').map(({ object }) => object as KubeObject),
      )
    const rules = new Map<string, readonly Rule[]>()
    for (const role of roleObjects) rules.set(roleKey('Role', role), rulesOf(role))
    for (const role of clusterRoleObjects) rules.set(roleKey('ClusterRole', role), rulesOf(role))
    const grants = new Map<string, Grant[]>()
    for (const binding of [...clusterBindingObjects, ...roleBindingObjects]) addGrants(grants, binding, rules)
    return grants
  }
}

function addGrants(
  grants: Map<string, Grant[]>,
  binding: KubeObject,
  rules: ReadonlyMap<string, readonly Rule[]>,
): void {
  const { namespace = '', name = '' } = binding.metadata
  const kind = textAt(binding, 'roleRef', 'kind')
  const role = textAt(binding, 'roleRef', 'name')
  const granted = rules.get(kind === 'Role' ? `Role/${namespace}/${role}` : `ClusterRole//${role}`)
  const bindingText = namespace === '' ? `ClusterRoleBinding "${name}"` : `RoleBinding "${name}/${namespace}"`
  for (const subject of objectsAt(binding, 'subjects')) {
    const key = subjectKey(subject, namespace)
    const who = `${textAt(subject, 'kind')} ${JSON.stringify(shownName(subject, namespace))}`
    const reason = `RBAC: allowed by ${bindingText} of ${kind} "${role}" to ${who}`
    const list = grants.get(key) ?? []
    const problem = `${kind.toLowerCase()}.rbac.authorization.k8s.io ${JSON.stringify(role)} not found`
    list.push(granted ? { namespace, rules: granted, reason } : { namespace, rules: [], reason, problem })
    grants.set(key, list)
  }
}

/** As Kubernetes lists errors. */
function listed(problems: readonly string[]): string {
  return problems.length === 1 ? (problems[0] ?? '') : `[${problems.join(', ')}]`
}

function reasonOf(problems: readonly string[]): string {
  return problems.length === 0 ? '' : `RBAC: ${listed(problems)}`
}

function shownName(subject: Parameters<typeof textAt>[0], bindingNamespace: string): string {
  const name = textAt(subject, 'name')
  if (textAt(subject, 'kind') !== 'ServiceAccount') return name
  return `${name}/${textAt(subject, 'namespace') || bindingNamespace}`
}

function subjectKey(subject: Parameters<typeof textAt>[0], bindingNamespace: string): string {
  const name = textAt(subject, 'name')
  switch (textAt(subject, 'kind')) {
    case 'Group':
      return `group:${name}`
    case 'ServiceAccount':
      return `user:system:serviceaccount:${textAt(subject, 'namespace') || bindingNamespace}:${name}`
    default:
      return `user:${name}`
  }
}

function subjectsOf(user: UserInfo): string[] {
  return [`user:${user.name}`, ...user.groups.map((group) => `group:${group}`)]
}

function roleKey(kind: string, { metadata }: KubeObject): string {
  return `${kind}/${metadata.namespace ?? ''}/${metadata.name ?? ''}`
}

function rulesOf(role: KubeObject): Rule[] {
  return objectsAt(role, 'rules').map(ruleOf)
}
