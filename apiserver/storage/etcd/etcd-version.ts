/** What an etcd server's version means for its clients. */
export interface EtcdVersion {
  readonly text: string
  /** A sentence for the log when this version is known to misbehave; undefined when it is fine. */
  readonly warning: string | undefined
  /**
   * Whether a watch response without events proves that everything up to its revision was sent; older servers could
   * send one while events were still queued.
   */
  readonly isProgressReliable: boolean
}

/** Patch releases of each minor line from which on the named behaviour is right; later lines always are. */
const reliableWatch: Record<string, number> = { '3.4': 36, '3.5': 18 }
const reliableProgress: Record<string, number> = { '3.4': 25, '3.5': 8 }

/** Reads `major.minor.patch`, as the maintenance status gives it. An unreadable one counts as old. */
export function etcdVersion(text: string): EtcdVersion {
  const isWatchReliable = isAtLeast(text, reliableWatch)
  return {
    text,
    warning: isWatchReliable
      ? undefined
      : `etcd ${text} can lose watch events after a compaction; run 3.5.18 (3.4.36) or newer`,
    isProgressReliable: isAtLeast(text, reliableProgress),
  }
}

function isAtLeast(text: string, fixedIn: Readonly<Record<string, number>>): boolean {
  const match = /^(\d+)\.(\d+)\.(\d+)/.exec(text)
  if (!match) return false
  const [major = 0, minor = 0, patch = 0] = match.slice(1).map(Number)
  const fixed = fixedIn[`${major}.${minor}`]
  return fixed === undefined ? major > 3 || (major === 3 && minor > 5) : patch >= fixed
}
