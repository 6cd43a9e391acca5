import type { CallOptions } from './call-queue.ts'
import { TimeoutError } from './errors.ts'

/** A caller's signal and timeout as one signal, for work of several steps. */
export class Patience {
  readonly #controller = new AbortController()
  readonly #timer: NodeJS.Timeout | undefined
  readonly #given: AbortSignal | undefined
  readonly #onAbort = () => this.#controller.abort(this.#given?.reason)

  constructor(what: string, { signal, timeout = 0 }: CallOptions) {
    this.#given = signal
    if (signal?.aborted === true) this.#onAbort()
    signal?.addEventListener('abort', this.#onAbort, { once: true })
    if (timeout > 0 && Number.isFinite(timeout)) {
      const giveUp = () => this.#controller.abort(new TimeoutError(`${what} took longer than ${timeout} ms`))
      this.#timer = setTimeout(giveUp, Math.min(timeout, 0x7fff_ffff))
    }
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** The work is done: forgets timer and signal. */
  end(): void {
    clearTimeout(this.#timer)
    this.#given?.removeEventListener('abort', this.#onAbort)
  }
}

/** Waits for something that cannot be stopped itself, no longer than the signal allows. */
export function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason)
    const onAbort = () => reject(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}

/** Resolves after some milliseconds, or at once when the signal aborts. Keeps the process alive meanwhile. */
export function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    const done = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, milliseconds)
    signal.addEventListener('abort', done, { once: true })
  })
}
