import { expect, test } from 'vitest'
import { runChaos } from '../../chaos/api-members/run.ts'

test(
  'no write and no event is lost while API servers and etcd members are killed',
  { timeout: 180_000 },
  async () => {
    const report = await runChaos({
      seconds: 26,
      everySeconds: 8,
      writers: 64,
      watchers: 200,
      // Leaves the watchers of a busy machine time to keep up.
      pauseMs: 2000,
      say() {},
    })
    const { violations, logs, ...counts } = report
    expect({ violations, logs: violations.length > 0 && logs }).toEqual({ violations: [], logs: false })
    expect(counts.strikes).toBe(3)
    expect(counts.acknowledged).toBeGreaterThan(100)
    expect(counts.told).toBe(counts.changes * 200)
  },
)
