const second = 1000
const minute = 60 * second
const hour = 60 * minute
const day = 24 * hour
const year = 365 * day

/** A duration as kubectl prints ages, with two or three significant figures: `45s`, `5m3s`, `3h`, `2d4h`, `1y20d`. */
export function humanDuration(milliseconds: number): string {
  // Clocks of two machines may differ a little: what is almost now counts as now.
  if (milliseconds <= -2 * second) return '<invalid>'
  if (milliseconds < 0) return '0s'
  for (const { below, unit, minor } of steps) {
    if (milliseconds < below) return inUnits(milliseconds, unit, minor)
  }
  return inUnits(milliseconds, 'y')
}

type Unit = 's' | 'm' | 'h' | 'd' | 'y'
const sizes: Record<Unit, number> = { s: second, m: minute, h: hour, d: day, y: year }

const steps: { below: number; unit: Unit; minor?: Unit }[] = [
  { below: 2 * minute, unit: 's' },
  { below: 10 * minute, unit: 'm', minor: 's' },
  { below: 3 * hour, unit: 'm' },
  { below: 8 * hour, unit: 'h', minor: 'm' },
  { below: 2 * day, unit: 'h' },
  { below: 8 * day, unit: 'd', minor: 'h' },
  { below: 2 * year, unit: 'd' },
  { below: 8 * year, unit: 'y', minor: 'd' },
]

function inUnits(milliseconds: number, unit: Unit, minor?: Unit): string {
  const whole = `${Math.floor(milliseconds / sizes[unit])}${unit}`
  if (minor === undefined) return whole
  const rest = Math.floor((milliseconds % sizes[unit]) / sizes[minor])
  return rest === 0 ? whole : `${whole}${rest}${minor}`
}

/** How long ago a timestamp was, as kubectl prints it; `<unknown>` without one, `<invalid>` for what is none. */
export function ageOf(timestamp: unknown, now: number): string {
  if (timestamp === undefined || timestamp === null || timestamp === '') return '<unknown>'
  const time = typeof timestamp === 'string' ? Date.parse(timestamp) : Number.NaN
  return Number.isNaN(time) ? '<invalid>' : humanDuration(now - time)
}
