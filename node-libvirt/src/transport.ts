import type { Readable, Writable } from 'node:stream'

/** The two directions of a byte connection to a daemon, however it was made. */
export interface Transport {
  readonly input: Readable
  readonly output: Writable
  /** Ends both directions at once and everything behind them, such as a child process. */
  destroy(): void
  /** What the other side said beside the protocol (the error output of `ssh`), to explain a lost connection. */
  diagnostics?(): string
}
