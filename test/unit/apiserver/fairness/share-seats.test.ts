import { describe, expect, test } from 'vitest'
import fc from 'fast-check'
import { claimsOf, shareSeats } from '../../../../apiserver/fairness/share-seats.ts'

const level = (shares: number, lendablePercent = 0, borrowingLimitPercent?: number) => ({
  shares,
  lendablePercent,
  borrowingLimitPercent,
})

describe('claims', () => {
  test('are shares of the whole, rounded up', () => {
    const claims = claimsOf([level(30, 33), level(40, 25), level(30)], 600)

    expect(claims.map(({ nominal, lower }) => [nominal, lower])).toEqual([
      [180, 121],
      [240, 180],
      [180, 180],
    ])
  })

  test('may be limited in what they borrow', () => {
    expect(claimsOf([level(1, 0, 50), level(1)], 100).map(({ upper }) => upper)).toEqual([75, 150])
  })
})

describe('seats', () => {
  const share = (demands: readonly number[], levels = [level(1, 50), level(1, 50), level(1, 0)]) =>
    shareSeats(
      claimsOf(levels, 300).map((claim, index) => ({ ...claim, demand: demands[index] ?? 0 })),
      300,
    )

  test('of a level that has no use for them go to one that has', () => {
    const [busy = 0, idle] = share([500, 0, 0])

    expect(idle).toBe(50)
    expect(busy).toBe(150)
  })

  test('come back when the lender needs them', () => {
    expect(share([500, 100, 0])).toEqual([100, 100, 100])
  })

  test('never go below what a level keeps, whatever the others want', () => {
    const count = fc.integer({ min: 0, max: 2000 })
    const aLevel = fc.record({
      shares: fc.integer({ min: 0, max: 100 }),
      lendablePercent: fc.integer({ min: 0, max: 100 }),
      borrowingLimitPercent: fc.option(fc.integer({ min: 0, max: 300 }), { nil: undefined }),
      demand: count,
    })
    fc.assert(
      fc.property(
        fc.array(aLevel, { minLength: 1, maxLength: 8 }),
        fc.integer({ min: 10, max: 2000 }),
        (levels, total) => {
          const claims = claimsOf(levels, total).map((claim, index) => ({
            ...claim,
            demand: levels[index]?.demand ?? 0,
          }))
          const seats = shareSeats(claims, total)
          for (const [index, claim] of claims.entries()) {
            expect(seats[index]).toBeGreaterThanOrEqual(claim.lower)
            expect(seats[index]).toBeLessThanOrEqual(claim.upper)
          }
          // Shares are rounded up, by less than one seat per level.
          const most = Math.max(
            total,
            claims.reduce((sum, { nominal }) => sum + nominal, 0),
          )
          expect(seats.reduce((sum, one) => sum + one, 0)).toBeLessThanOrEqual(most + levels.length)
        },
      ),
    )
  })
})
