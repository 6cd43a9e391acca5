const units = { s: 1, m: 60, h: 3600, d: 86_400, y: 365 * 86_400 } as const
type Unit = keyof typeof units

/** Up to how many seconds an age is told in which unit, and in which smaller one beside it. */
const steps: readonly (readonly [below: number, unit: Unit, minor?: Unit])[] = [
  [2 * units.m, 's'],
  [10 * units.m, 'm', 's'],
  [3 * units.h, 'm'],
  [8 * units.h, 'h', 'm'],
  [48 * units.h, 'h'],
  [8 * units.d, 'd', 'h'],
  [2 * units.y, 'd'],
  [8 * units.y, 'y', 'd'],
  [Number.POSITIVE_INFINITY, 'y'],
]

/** How long ago an RFC 3339 time was, as kubectl writes it: `45s`, `5m3s`, `2d4h`; `<unknown>` without a time. */
export function ageOf(time: unknown, nowMs: number): string {
  if (typeof time !== 'string' || time === '') return '<unknown>'
  const seconds = (nowMs - Date.parse(time)) / 1000
  if (Number.isNaN(seconds)) return '<unknown>'
  // Clocks of two machines may differ a little: what is almost now counts as now.
  if (seconds <= -2) return '<invalid>'
  const [, unit, minor] = steps.find(([below]) => seconds < below) ?? [0, 'y' as const]
  const whole = `${Math.max(0, Math.floor(seconds / units[unit]))}${unit}`
  if (minor === undefined) return whole
  const rest = Math.floor((seconds % units[unit]) / units[minor])
  return rest === 0 ? whole : `${whole}${rest}${minor}`
}
