import type { Life } from './key-pair.ts'

/** Renewed between these shares of a certificate's life, so that hosts installed together do not ask together. */
const earliest = 0.7
const latest = 0.8

/**
 * When a certificate has to be renewed, in milliseconds since the epoch. `askedMs` is how long it was to live: it may be
 * dated back, so that its own dates say more. `share` is between 0 and 1, and the same for the life of a certificate.
 */
export function renewalTime({ from, until }: Life, askedMs: number | undefined, share: number): number {
  const lifeMs = Math.min(until - from, askedMs ?? Infinity)
  const lived = earliest + (latest - earliest) * share
  return until - lifeMs * (1 - lived)
}
