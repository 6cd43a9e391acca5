import { UsageError } from './usage-error.ts'

const unitsMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }

/** Milliseconds of `30s`, `1h30m`, `500ms` or plain seconds. Throws UsageError. */
export function parseDuration(text: string): number {
  if (/^\d+$/.test(text)) return Number(text) * 1000
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/gy)]
  const read = parts.map(([part]) => part).join('')
  if (text === '' || read !== text) throw new UsageError(`"${text}" is not a duration: write 30s, 5m or 1h`)
  return parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * (unitsMs[unit ?? ''] ?? 0), 0)
}
