/**
 * Which machine is about to make a run that uses a disk. It closes the gap between the write of a run and the moment
 * in which the cache shows it: within it a second machine would see the disk unused.
 */
export class DiskClaims {
  readonly #isCurrent: (machine: Claimant) => boolean
  readonly #claims = new Map<string, Claimant>()

  /** `isCurrent` says whether a machine may still make its run: it is there, by uid, and meant to run. */
  constructor(isCurrent: (machine: Claimant) => boolean) {
    this.#isCurrent = isCurrent
  }

  /** Takes all or nothing; false when another machine has claimed one of the disks. */
  take(diskKeys: readonly string[], machine: Claimant): boolean {
    const isTaken = (diskKey: string) => {
      const claim = this.#claims.get(diskKey)
      return claim !== undefined && claim.uid !== machine.uid && this.#isCurrent(claim)
    }
    if (diskKeys.some(isTaken)) return false
    for (const diskKey of diskKeys) this.#claims.set(diskKey, machine)
    return true
  }

  /** The cache shows the machine's run, or the machine will make none: claims are of no more use. */
  release(diskKeys: readonly string[], uid: string): void {
    for (const diskKey of diskKeys) if (this.#claims.get(diskKey)?.uid === uid) this.#claims.delete(diskKey)
  }
}

/** `key` is `namespace/name`. */
export interface Claimant {
  readonly key: string
  readonly uid: string
}
