import type { CachedObject } from '../cache/cache.ts'
import { mastersGroup } from '../authentication/authenticator.ts'
import type { UserInfo } from '../http/exchange.ts'
import { clusterRoleBindings, clusterRoles, roleBindings, roles } from '../registry/builtin/identity.ts'
import { follow } from '../registry/follow.ts'
import type { KubeObject } from '../registry/kube-object.ts'
import type { ObjectStore } from '../registry/object-store.ts'
import type { ResourceDefinition } from '../registry/resource-definition.ts'
import {
  everything,
  type Attributes,
  type Authorizer,
  type Decision,
  type GrantedRules,
} from './authorizer.ts'
import { RbacIndex, type Grant } from './rbac-index.ts'
import { ruleAllows } from './rbac-rules.ts'

const sources = [roles, clusterRoles, roleBindings, clusterRoleBindings] as const

/** Decides by the stored Roles and bindings, which it follows. */
export class RbacAuthorizer implements Authorizer {
  readonly #objects: ObjectStore
  readonly #signal: AbortSignal
  readonly #index = new RbacIndex()

  /** `signal` ends the subscriptions to the stored roles. */
  constructor(objects: ObjectStore, signal: AbortSignal) {
    this.#objects = objects
    this.#signal = signal
  }

  /** Resolves once the stored roles are known. */
  async start(): Promise<void> {
    await Promise.all(sources.map((source) => this.#follow(source)))
  }

  async #follow(source: ResourceDefinition): Promise<void> {
    const known = new Map<string, CachedObject>()
    const forget = (item: CachedObject) => {
      known.delete(item.key)
      this.#forget(source, item)
    }
    const learn = (item: CachedObject) => {
      known.set(item.key, item)
      this.#learn(source, item)
    }
    await follow(this.#objects, source, this.#signal, {
      onPresent(items) {
        for (const item of known.values()) forget(item)
        for (const item of items) learn(item)
      },
      onEvents(events) {
        for (const { type, item } of events) {
          if (type === 'DELETED') forget(item)
          else learn(item)
        }
      },
    })
  }

  #learn({ kind }: ResourceDefinition, { key, object }: CachedObject): void {
    if (kind === 'Role' || kind === 'ClusterRole') this.#index.setRole(kind, object as KubeObject)
    else this.#index.setBinding(key, object as KubeObject)
  }

  #forget({ kind }: ResourceDefinition, { key, object }: CachedObject): void {
    if (kind === 'Role' || kind === 'ClusterRole') this.#index.deleteRole(kind, object as KubeObject)
    else this.#index.deleteBinding(key)
  }

  async authorize(wanted: Attributes): Promise<Decision> {
    const { user, namespace } = wanted
    if (user.groups.includes(mastersGroup)) return { allowed: true, reason: '' }
    const missing: Grant[] = []
    for (const grant of this.#index.grantsOf(user, namespace)) {
      if (!grant.rules) missing.push(grant)
      else if (grant.rules.some((rule) => ruleAllows(rule, wanted))) {
        return { allowed: true, reason: grant.reason }
      }
    }
    return { allowed: false, reason: missing.length === 0 ? '' : `RBAC: ${notFoundText(missing)}` }
  }

  async rulesFor(user: UserInfo, namespace: string): Promise<GrantedRules> {
    if (user.groups.includes(mastersGroup)) return { rules: everything, incomplete: false }
    const grants = [...this.#index.grantsOf(user, namespace)]
    const missing = grants.filter((grant) => !grant.rules)
    return {
      rules: grants.flatMap((grant) => grant.rules ?? []),
      incomplete: missing.length > 0,
      ...(missing.length > 0 && { evaluationError: notFoundText(missing) }),
    }
  }
}

/** Which roles bindings name that do not exist, as Kubernetes lists errors. */
function notFoundText(missing: readonly Grant[]): string {
  const texts = [...new Set(missing.map(({ role }) => `${role} not found`))]
  return texts.length === 1 ? (texts[0] ?? '') : `[${texts.join(', ')}]`
}
