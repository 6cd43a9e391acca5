import type { Clock } from '../../apimachinery/clock.ts'
import { type KeyPair, lifeOf } from './key-pair.ts'
import type { KeyPairFile } from './key-pair-file.ts'
import { renewalTime } from './renewal.ts'

export interface RotatingKeyPairOptions {
  readonly clock: Clock
  readonly file: KeyPairFile
  /** How long it is to live; left out: as long as the server gives. */
  readonly lifeMs: number | undefined
  readonly random?: () => number
}

/** A certificate that is kept in a file and replaced before its end. */
export class RotatingKeyPair {
  readonly #options: RotatingKeyPairOptions
  readonly #share: number
  readonly #listeners: (() => void)[] = []
  #current: KeyPair | undefined

  constructor(options: RotatingKeyPairOptions) {
    this.#options = options
    this.#share = (options.random ?? Math.random)()
  }

  /** Undefined until there is one. It may have expired. */
  get current(): KeyPair | undefined {
    return this.#current
  }

  get expired(): boolean {
    return this.#current !== undefined && lifeOf(this.#current).until < this.#options.clock.now()
  }

  /** Milliseconds until it has to be renewed; 0 when that is now. */
  get dueInMs(): number {
    if (this.#current === undefined) return 0
    const { clock, lifeMs } = this.#options
    return Math.max(0, renewalTime(lifeOf(this.#current), lifeMs, this.#share) - clock.now())
  }

  async load(): Promise<void> {
    const stored = await this.#options.file.read()
    if (stored !== undefined) this.offer(stored)
  }

  /** Takes over a pair from elsewhere, when it lives longer than the one there is. */
  offer(pair: KeyPair): void {
    if (this.#current !== undefined && lifeOf(pair).until <= lifeOf(this.#current).until) return
    this.#current = pair
    for (const listener of this.#listeners) listener()
  }

  /** Keeps a new pair before it is used: after a crash the server must not know a key that is lost. */
  async replace(pair: KeyPair): Promise<void> {
    await this.#options.file.write(pair)
    this.#current = pair
    for (const listener of this.#listeners) listener()
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener)
  }
}
