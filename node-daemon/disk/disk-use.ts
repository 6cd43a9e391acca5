/**
 * Keeps starting a machine and removing its disk apart: both look at what they know before they act, and what they
 * know may be old. Keys are `namespace/name` of Disks.
 */
export class DiskUse {
  readonly #users = new Map<string, Set<string>>()
  readonly #removing = new Set<string>()

  /** Takes all of the disks for a run, or none and answers false when one is being removed. Taking twice is taking once. */
  take(diskKeys: readonly string[], runUid: string): boolean {
    if (diskKeys.some((key) => this.#removing.has(key))) return false
    for (const key of diskKeys) {
      const users = this.#users.get(key) ?? new Set()
      this.#users.set(key, users.add(runUid))
    }
    return true
  }

  release(runUid: string): void {
    for (const [key, users] of this.#users) {
      users.delete(runUid)
      if (users.size === 0) this.#users.delete(key)
    }
  }

  /** Answers false while a run has the disk; after true no run gets it. */
  beginRemoval(diskKey: string): boolean {
    if (this.#users.has(diskKey)) return false
    this.#removing.add(diskKey)
    return true
  }

  endRemoval(diskKey: string): void {
    this.#removing.delete(diskKey)
  }
}
