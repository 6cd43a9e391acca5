/** How often a silent daemon is asked for a sign of life, and when it is given up. */
export interface KeepAliveOptions {
  /** Milliseconds of silence before a question. */
  readonly interval: number
  /** Unanswered questions after which the connection is closed. */
  readonly count: number
}

/** Watches one connection for silence. Any byte from the daemon counts as life. */
export class KeepAlive {
  readonly #timer: NodeJS.Timeout
  readonly #count: number
  readonly #actions: KeepAliveActions
  #heard = true
  #unanswered = 0

  constructor(options: KeepAliveOptions, actions: KeepAliveActions) {
    this.#count = options.count
    this.#actions = actions
    this.#timer = setInterval(() => this.#tick(), options.interval)
    this.#timer.unref()
  }

  /** Something came in. */
  heard(): void {
    this.#heard = true
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  #tick(): void {
    // While nobody takes our data we do not read, and so cannot hear: silence proves nothing.
    if (this.#heard || this.#actions.isDeaf()) {
      this.#heard = false
      this.#unanswered = 0
      return
    }
    if (this.#unanswered >= this.#count) return this.#actions.giveUp()
    this.#unanswered += 1
    this.#actions.ask()
  }
}

export interface KeepAliveActions {
  /** Sends a PING. */
  ask(): void
  /** Closes the connection: the daemon is dead or frozen. */
  giveUp(): void
  /** Whether reading is paused just now. */
  isDeaf(): boolean
}
