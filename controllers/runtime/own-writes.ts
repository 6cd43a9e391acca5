import type { Clock } from '../../apimachinery/clock.ts'

// Longer than any cache lags that is going to catch up. After a restore of etcd from a backup versions go back, and
// the cache would never seem to have caught up; the optimistic lock protects the writes then.
const forgottenAfterMs = 30_000

/**
 * Versions that we wrote, until the cache has them. A pass that starts from older data would repeat what the last one
 * has done.
 */
export class OwnWrites {
  readonly #clock: Clock
  readonly #written = new Map<string, { readonly version: string; readonly at: number }>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  wrote(key: string, version: string): void {
    this.#written.set(key, { version, at: this.#clock.monotonic() })
  }

  /** The cache holds this version now; undefined when it holds the object no more. */
  seen(key: string, version: string | undefined): void {
    const own = this.#written.get(key)
    if (own !== undefined && (version === undefined || !isOlder(version, own.version)))
      this.#written.delete(key)
  }

  /** Milliseconds after which not to wait any longer for the cache to catch up; 0 when it has, or has been given up on. */
  waitMs(key: string, version: string): number {
    const own = this.#written.get(key)
    if (own === undefined || !isOlder(version, own.version)) return 0
    const left = own.at + forgottenAfterMs - this.#clock.monotonic()
    if (left > 0) return left
    this.#written.delete(key)
    return 0
  }
}

/** Resource versions are decimal revisions of the store, here and on Kubernetes; what is not is never older. */
export function isOlder(a: string, b: string): boolean {
  if (!/^\d+$/.test(a) || !/^\d+$/.test(b)) return false
  return a.length === b.length ? a < b : a.length < b.length
}
