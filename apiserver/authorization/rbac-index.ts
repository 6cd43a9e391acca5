import type { UserInfo } from '../http/exchange.ts'
import { objectsAt, textAt, type KubeObject } from '../registry/kube-object.ts'
import { ruleOf, type Rule } from './rbac-rules.ts'

/** A role that one binding gives to one subject. */
export interface Grant {
  /** Empty for grants that hold everywhere. */
  readonly namespace: string
  /** Undefined when there is no such role. */
  readonly rules: readonly Rule[] | undefined
  /** `clusterrole.rbac.authorization.k8s.io "view"`. */
  readonly role: string
  /** Names role and binding, for the answer of access reviews. */
  readonly reason: string
}

interface BoundRole extends Omit<Grant, 'rules'> {
  readonly roleKey: string
}

type RoleKind = 'Role' | 'ClusterRole'

/** Bindings by subject and roles by name, kept up to date one object at a time. */
export class RbacIndex {
  readonly #roles = new Map<string, readonly Rule[]>()
  /** What each binding put where, by the binding's key. */
  readonly #placed = new Map<string, { readonly subjects: readonly string[]; readonly everywhere: boolean }>()
  readonly #everywhere = new Map<string, Map<string, BoundRole>>()
  readonly #namespaced = new Map<string, Map<string, BoundRole>>()

  setRole(kind: RoleKind, role: KubeObject): void {
    this.#roles.set(keyOfRole(kind, role), objectsAt(role, 'rules').map(ruleOf))
  }

  deleteRole(kind: RoleKind, role: KubeObject): void {
    this.#roles.delete(keyOfRole(kind, role))
  }

  setBinding(key: string, binding: KubeObject): void {
    this.deleteBinding(key)
    const { namespace = '' } = binding.metadata
    const everywhere = namespace === ''
    const index = everywhere ? this.#everywhere : this.#namespaced
    const subjects: string[] = []
    for (const subject of objectsAt(binding, 'subjects')) {
      const subjectKey = keyOfSubject(subject, namespace)
      let held = index.get(subjectKey)
      if (!held) index.set(subjectKey, (held = new Map()))
      held.set(key, boundRole(binding, subject))
      subjects.push(subjectKey)
    }
    this.#placed.set(key, { subjects, everywhere })
  }

  deleteBinding(key: string): void {
    const placed = this.#placed.get(key)
    if (!placed) return
    this.#placed.delete(key)
    const index = placed.everywhere ? this.#everywhere : this.#namespaced
    for (const subject of placed.subjects) {
      const held = index.get(subject)
      held?.delete(key)
      if (held?.size === 0) index.delete(subject)
    }
  }

  /** What the user has in the namespace: first what holds everywhere. */
  *grantsOf(user: UserInfo, namespace: string): Generator<Grant> {
    const subjects = [`user:${user.name}`, ...user.groups.map((group) => `group:${group}`)]
    for (const index of [this.#everywhere, this.#namespaced]) {
      for (const subject of subjects) {
        for (const bound of index.get(subject)?.values() ?? []) {
          if (bound.namespace !== '' && bound.namespace !== namespace) continue
          yield { ...bound, rules: this.#roles.get(bound.roleKey) }
        }
      }
    }
  }
}

function keyOfRole(kind: RoleKind, { metadata }: KubeObject): string {
  return `${kind}/${metadata.namespace ?? ''}/${metadata.name ?? ''}`
}

function boundRole(binding: KubeObject, subject: Parameters<typeof textAt>[0]): BoundRole {
  const { namespace = '', name = '' } = binding.metadata
  const kind = textAt(binding, 'roleRef', 'kind')
  const role = textAt(binding, 'roleRef', 'name')
  const bindingText = namespace === '' ? `ClusterRoleBinding "${name}"` : `RoleBinding "${name}/${namespace}"`
  const who = `${textAt(subject, 'kind')} ${JSON.stringify(shownName(subject, namespace))}`
  return {
    namespace,
    roleKey: kind === 'Role' ? `Role/${namespace}/${role}` : `ClusterRole//${role}`,
    role: `${kind.toLowerCase()}.rbac.authorization.k8s.io ${JSON.stringify(role)}`,
    reason: `RBAC: allowed by ${bindingText} of ${kind} "${role}" to ${who}`,
  }
}

function shownName(subject: Parameters<typeof textAt>[0], bindingNamespace: string): string {
  const name = textAt(subject, 'name')
  if (textAt(subject, 'kind') !== 'ServiceAccount') return name
  return `${name}/${textAt(subject, 'namespace') || bindingNamespace}`
}

function keyOfSubject(subject: Parameters<typeof textAt>[0], bindingNamespace: string): string {
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
