/** What a priority level may have of the seats of the server. */
export interface SeatClaim {
  /** Its share when all levels have work. */
  readonly nominal: number
  /** What it keeps in any case. */
  readonly lower: number
  /** What it may borrow up to. */
  readonly upper: number
  /** The most seats that it had use for of late. */
  readonly demand: number
}

export interface LevelShare {
  readonly shares: number
  readonly lendablePercent: number
  /** Undefined: no limit. */
  readonly borrowingLimitPercent: number | undefined
}

/** The claims of levels that have no demand yet, by their shares of `total` seats. */
export function claimsOf(levels: readonly LevelShare[], total: number): SeatClaim[] {
  const sum = levels.reduce((shares, level) => shares + level.shares, 0)
  return levels.map(({ shares, lendablePercent, borrowingLimitPercent }) => {
    const nominal = sum === 0 ? 0 : Math.ceil((total * shares) / sum)
    const borrowable =
      borrowingLimitPercent === undefined ? total : Math.round((nominal * borrowingLimitPercent) / 100)
    return {
      nominal,
      lower: nominal - Math.round((nominal * lendablePercent) / 100),
      upper: nominal + borrowable,
      demand: 0,
    }
  })
}

/**
 * Shares `total` seats out: every level gets what it has use for up to its own share, and the rest goes to those who
 * can use more, in proportion, within what each has to keep and may borrow. One number per claim.
 */
export function shareSeats(claims: readonly SeatClaim[], total: number): number[] {
  const floors = claims.map(({ lower, nominal, demand }) => Math.max(lower, Math.min(nominal, demand)))
  const given = (factor: number) =>
    claims.map(({ upper, demand }, index) => {
      const floor = floors[index] ?? 0
      return Math.min(Math.max(floor, upper), Math.max(floor, factor * Math.max(demand, floor, 0.001)))
    })
  const sumOf = (seats: readonly number[]) => seats.reduce((sum, one) => sum + one, 0)
  // What is given grows with the factor, so that the right one can be closed in on.
  let low = 0
  let high = total * 1000 + 1
  for (let step = 0; step < 60; step++) {
    const middle = (low + high) / 2
    if (sumOf(given(middle)) > total) high = middle
    else low = middle
  }
  return given(low).map(Math.round)
}
