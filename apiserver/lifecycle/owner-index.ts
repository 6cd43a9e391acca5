import type { OwnerReference } from '../registry/kube-object.ts'

/** Which objects name which owner, by the owner's UID. Objects without owners cost nothing. */
export class OwnerIndex {
  readonly #dependents = new Map<string, Set<string>>()
  readonly #owners = new Map<string, readonly string[]>()

  /** Replaces what is known of one object. True when its owners have changed. */
  set(key: string, references: readonly OwnerReference[] | undefined): boolean {
    const next = references?.map(({ uid }) => uid) ?? []
    const before = this.#owners.get(key) ?? []
    if (next.length === before.length && next.every((uid, index) => uid === before[index])) return false
    for (const uid of before) this.#unlink(uid, key)
    if (next.length === 0) this.#owners.delete(key)
    else this.#owners.set(key, next)
    for (const uid of next) this.#link(uid, key)
    return true
  }

  /** Keys of the objects that name this owner. */
  dependents(ownerUid: string): readonly string[] {
    return [...(this.#dependents.get(ownerUid) ?? [])]
  }

  /** Forgets every object whose key starts so. */
  drop(prefix: string): void {
    for (const key of this.#owners.keys()) if (key.startsWith(prefix)) this.set(key, undefined)
  }

  #link(uid: string, key: string): void {
    const keys = this.#dependents.get(uid)
    if (keys) keys.add(key)
    else this.#dependents.set(uid, new Set([key]))
  }

  #unlink(uid: string, key: string): void {
    const keys = this.#dependents.get(uid)
    keys?.delete(key)
    if (keys?.size === 0) this.#dependents.delete(uid)
  }
}
