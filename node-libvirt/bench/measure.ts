import { readFileSync } from 'node:fs'

/** What some work cost this process, and its children that have ended. */
export interface Cost {
  readonly calls: number
  readonly seconds: number
  /** User and system time of the client, in microseconds per call. */
  readonly cpu: number
}

/** CPU time of ended children in microseconds; the kernel counts in hundredths of a second. */
function childrenCpu(): number {
  const stat = readFileSync('/proc/self/stat', 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[13]) + Number(fields[14])) * 10_000
}

function cpuNow(): number {
  const { user, system } = process.cpuUsage()
  return user + system + childrenCpu()
}

export async function measure(calls: number, work: () => Promise<unknown>): Promise<Cost> {
  const [cpu, start] = [cpuNow(), performance.now()]
  await work()
  return { calls, seconds: (performance.now() - start) / 1000, cpu: (cpuNow() - cpu) / calls }
}

/** One call after the other. */
export async function oneByOne(count: number, call: () => Promise<unknown>): Promise<void> {
  for (let index = 0; index < count; index++) await call()
}

/** So many callers at once, each making the same number of calls. */
export async function atOnce(callers: number, count: number, call: () => Promise<unknown>): Promise<void> {
  await Promise.all(Array.from({ length: callers }, () => oneByOne(count / callers, call)))
}

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}
