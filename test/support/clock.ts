import type { Clock } from '../../apimachinery/clock.ts'

/** A clock that stands still until a test moves it. */
export interface ManualClock extends Clock {
  /**
   * Moves time on and runs the timers that fall due, in order; between two of them everything that waits for a
   * promise gets its turn.
   */
  advance(ms: number): Promise<void>
  /** Lets the wall clock jump, as NTP or an operator may; the monotonic clock and timers do not notice. */
  jumpWallClock(ms: number): void
  /** Milliseconds until each timer that has neither run nor been cancelled, soonest first. */
  pendingTimers(): readonly number[]
  /** Resolves as soon as a timer is pending whose delay satisfies `matches`; by default any. */
  timerSet(matches?: (delayMs: number) => boolean): Promise<void>
}

interface Timer {
  readonly at: number
  readonly order: number
  readonly run: () => void
}

/** Starts at 2026-01-01T00:00:00Z unless told otherwise. */
export function manualClock(start: number = Date.UTC(2026, 0, 1)): ManualClock {
  let elapsed = 0
  let wallOffset = start
  let order = 0
  const timers = new Set<Timer>()
  const waiting = new Set<() => void>()

  const sorted = () => [...timers].toSorted((a, b) => a.at - b.at || a.order - b.order)
  const delays = () => sorted().map(({ at }) => at - elapsed)

  return {
    now: () => wallOffset + elapsed,
    monotonic: () => elapsed,
    after(ms, run) {
      const timer: Timer = { at: elapsed + Math.max(0, ms), order: order++, run }
      timers.add(timer)
      for (const wake of waiting) wake()
      return () => void timers.delete(timer)
    },
    async advance(ms) {
      const end = elapsed + ms
      await settle()
      for (let next = sorted()[0]; next !== undefined && next.at <= end; next = sorted()[0]) {
        timers.delete(next)
        elapsed = Math.max(elapsed, next.at)
        next.run()
        await settle()
      }
      elapsed = end
      await settle()
    },
    jumpWallClock(ms) {
      wallOffset += ms
    },
    pendingTimers: delays,
    timerSet(matches = () => true) {
      return new Promise((resolve) => {
        const check = () => {
          if (!delays().some(matches)) return
          waiting.delete(check)
          resolve()
        }
        waiting.add(check)
        check()
      })
    },
  }
}

/** Lets everything that is ready to run do so: pending promises, and what they start. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve))
}
