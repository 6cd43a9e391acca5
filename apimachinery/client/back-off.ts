/**
 * Delays that double from `firstMs` to `maxMs`, each drawn between half of its value and all of it, so that many who
 * failed together do not come back together.
 */
export class BackOff {
  readonly #firstMs: number
  readonly #maxMs: number
  readonly #random: () => number
  #failures = 0

  constructor(options: { readonly firstMs: number; readonly maxMs: number; readonly random: () => number }) {
    this.#firstMs = options.firstMs
    this.#maxMs = options.maxMs
    this.#random = options.random
  }

  next(): number {
    const full = Math.min(this.#maxMs, this.#firstMs * 2 ** this.#failures)
    if (full < this.#maxMs) this.#failures += 1
    return full * (0.5 + this.#random() / 2)
  }

  reset(): void {
    this.#failures = 0
  }
}
