import type { StageResult } from './load.ts'
import type { RawRate } from './raw-etcd.ts'

/** kube-apiserver 1.36 on a machine of this kind, milliseconds of CPU: the better end of what was measured. */
const reference: Readonly<Record<string, { readonly cpuMs: number; readonly share: number }>> = {
  create: { cpuMs: 1.7, share: 1 / 2 },
  status: { cpuMs: 2.7, share: 1 / 2 },
  patch: { cpuMs: 2.7, share: 1 / 2 },
  apply: { cpuMs: 3.3, share: 1 / 2 },
  get: { cpuMs: 0.8, share: 1 / 5 },
  list: { cpuMs: 0.12, share: 1 / 10 },
  watch: { cpuMs: 0.05, share: 1 / 10 },
}

export const referenceMegabytes = { idle: 311, loaded: 1100 }
export const mostStallMs = 20

export function header(): string {
  return (
    `${'stage'.padEnd(30)} ${'at once'.padStart(7)} ${'ops/s'.padStart(8)} ${'p50 ms'.padStart(8)}` +
    ` ${'p99 ms'.padStart(8)} ${'CPU ms'.padStart(8)} ${'of ref.'.padStart(8)} ${'RSS MB'.padStart(7)}` +
    ` ${'stall'.padStart(6)} ${'hold'.padStart(6)} ${'gc'.padStart(6)}`
  )
}

export function line(result: StageResult): string {
  const known = reference[result.kind]
  const ratio = known ? result.cpuMs / known.cpuMs : undefined
  const verdict = known && ratio !== undefined && ratio > known.share ? '!' : ' '
  return (
    `${result.name.padEnd(30)} ${String(result.inFlight).padStart(7)} ${result.perSecond.toFixed(0).padStart(8)}` +
    ` ${result.p50Ms.toFixed(2).padStart(8)} ${result.p99Ms.toFixed(2).padStart(8)}` +
    ` ${result.cpuMs.toFixed(4).padStart(8)} ${(ratio === undefined ? '' : ratio.toFixed(2) + verdict).padStart(8)}` +
    ` ${megabytes(result.rssBytes).padStart(7)} ${result.stallMs.toFixed(0).padStart(6)}` +
    ` ${result.holdMs.toFixed(0).padStart(6)} ${result.gcMs.toFixed(0).padStart(6)}`
  )
}

export function rawLine({ name, inFlight, perSecond }: RawRate): string {
  return `${name.padEnd(30)} ${String(inFlight).padStart(7)} ${perSecond.toFixed(0).padStart(8)}`
}

export function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(0)
}
