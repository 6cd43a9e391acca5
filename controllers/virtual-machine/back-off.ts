/** A run that lived this long was a good one: what follows it starts at once. */
export const steadyMs = 60_000
const firstDelayMs = 1_000
const maxDelayMs = 300_000

/** Delay before a restart, given how many there were in a row: none, then 1 s, doubled each time, at most 5 min. */
export function restartDelayMs(restartsInARow: number): number {
  if (restartsInARow <= 0) return 0
  // 2^30 s is past the limit, and far from where numbers lose exactness.
  return Math.min(firstDelayMs * 2 ** Math.min(restartsInARow - 1, 30), maxDelayMs)
}

/** Restarts in a row before this one: a run that lived long enough wipes the slate. */
export function restartsBefore(stored: number | undefined, lifeMs: number): number {
  return lifeMs >= steadyMs ? 0 : (stored ?? 0)
}
