import type { ServerProcess } from './server-process.ts'

/** One line of the result. */
export interface StageResult {
  readonly name: string
  /** What the reference has a figure for: `create`, `status`, `apply`, `get`, `list` or `watch`. */
  readonly kind: string
  readonly inFlight: number
  readonly operations: number
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** Of the server, for one operation (for one object of a list, for one event to one watcher). */
  readonly cpuMs: number
  readonly rssBytes: number
  readonly stallMs: number
  readonly holdMs: number
  readonly gcMs: number
}

export interface Stage {
  readonly name: string
  readonly kind: string
  readonly inFlight: number
  readonly count: number
  /** How many units, such as objects of a list, one operation stands for. Default 1. */
  readonly units?: number
  /** Milliseconds of CPU that are not the stage's own, such as those of the updates that cause watch events. */
  readonly deductMs?: number
  run(index: number): Promise<void>
  /** Awaited before the stage counts as over. */
  finish?(): Promise<void>
}

/** Runs a stage with so many operations under way at a time, and reads what it cost the server. */
export async function measure(server: ServerProcess, stage: Stage): Promise<StageResult> {
  const before = await server.usage()
  const started = performance.now()
  const latencies = await runInFlight(stage)
  await stage.finish?.()
  const seconds = (performance.now() - started) / 1000
  const after = await server.usage()
  const units = stage.count * (stage.units ?? 1)
  latencies.sort()
  const { rssBytes, stallMs, holdMs, gcMs } = after
  return {
    name: stage.name,
    kind: stage.kind,
    inFlight: stage.inFlight,
    operations: stage.count,
    perSecond: stage.count / seconds,
    p50Ms: percentile(latencies, 0.5),
    p99Ms: percentile(latencies, 0.99),
    cpuMs: Math.max(0, after.cpuMs - before.cpuMs - (stage.deductMs ?? 0)) / units,
    rssBytes,
    stallMs,
    holdMs,
    gcMs,
  }
}

export async function runInFlight({
  count,
  inFlight,
  run,
}: Pick<Stage, 'count' | 'inFlight' | 'run'>): Promise<Float64Array> {
  const latencies = new Float64Array(count)
  let next = 0
  const worker = async () => {
    while (next < count) {
      const index = next++
      const started = performance.now()
      await run(index)
      latencies[index] = performance.now() - started
    }
  }
  await Promise.all(Array.from({ length: inFlight }, worker))
  return latencies
}

function percentile(sorted: Float64Array, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
}
