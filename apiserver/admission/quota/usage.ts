import {
  compareQuantity,
  formatQuantity,
  isQuantity,
  parseQuantity,
  type Quantity,
} from '../../../apimachinery/quantity.ts'
import type { Json, JsonObject } from '../../../crds/meta/json.ts'

/** Amounts by the name of the resource, as in `spec.hard` of a quota. */
export type Usage = ReadonlyMap<string, Quantity>

const nanosPerUnit = 1_000_000_000n

export const noUsage: Usage = new Map()

export function amount(name: string, count: number | bigint): Quantity {
  return { nanos: BigInt(count) * nanosPerUnit, format: formatOf(name) }
}

/** Memory and storage are shown in powers of two, everything else in powers of ten. */
function formatOf(name: string): Quantity['format'] {
  return name.endsWith('memory') || name.endsWith('storage') ? 'BinarySI' : 'DecimalSI'
}

/** An amount as it stands in an object; zero for what is none. */
export function amountOf(name: string, value: Json | undefined): Quantity {
  const text = String(typeof value === 'string' || typeof value === 'number' ? value : '')
  return isQuantity(text) ? { nanos: parseQuantity(text).nanos, format: formatOf(name) } : amount(name, 0)
}

export function usageFrom(amounts: JsonObject): Usage {
  return new Map(Object.entries(amounts).map(([name, value]) => [name, amountOf(name, value)]))
}

export function toJson(usage: Usage): JsonObject {
  return Object.fromEntries(sorted(usage).map(([name, quantity]) => [name, formatQuantity(quantity)]))
}

/** `a=1,b=2Gi`, as Kubernetes lists amounts in messages. */
export function usageText(usage: Usage): string {
  return sorted(usage)
    .map(([name, quantity]) => `${name}=${formatQuantity(quantity)}`)
    .join(',')
}

function sorted(usage: Usage): [string, Quantity][] {
  return [...usage].toSorted(([a], [b]) => (a < b ? -1 : 1))
}

/** Only what has a name that `wanted` accepts. */
export function masked(usage: Usage, wanted: (name: string) => boolean): Usage {
  return new Map([...usage].filter(([name]) => wanted(name)))
}

export function added(usage: Usage, more: Usage): Usage {
  const sum = new Map(usage)
  for (const [name, quantity] of more) {
    sum.set(name, { nanos: (sum.get(name)?.nanos ?? 0n) + quantity.nanos, format: quantity.format })
  }
  return sum
}

/** What `next` has more of than `before`; less does not count. */
export function increase(next: Usage, before: Usage): Usage {
  const more = new Map<string, Quantity>()
  for (const [name, quantity] of next) {
    const nanos = quantity.nanos - (before.get(name)?.nanos ?? 0n)
    if (nanos > 0n) more.set(name, { ...quantity, nanos })
  }
  return more
}

/** Never below zero. */
export function subtracted(usage: Usage, less: Usage): Usage {
  const rest = new Map(usage)
  for (const [name, { nanos }] of less) {
    const present = rest.get(name)
    if (present) rest.set(name, { ...present, nanos: present.nanos > nanos ? present.nanos - nanos : 0n })
  }
  return rest
}

/** The names of which there is more than `limits` allow. */
export function exceeding(usage: Usage, limits: Usage): Set<string> {
  const names = new Set<string>()
  for (const [name, quantity] of usage) {
    const limit = limits.get(name)
    if (limit && compareQuantity(quantity, limit) > 0) names.add(name)
  }
  return names
}
