import { compareQuantity, isQuantity } from '../../apimachinery/quantity.ts'
import type { Json } from '../../crds/meta/json.ts'
import { UsageError } from '../usage-error.ts'
import { compileRelaxedPath } from './json-path-template.ts'
import { byCodePoint } from './json.ts'

/**
 * Sorts by what a JSONPath finds in each object, as `--sort-by` does: quantities and numbers by size, other
 * texts by their letters, what has no value first. Throws UsageError when no object has a value.
 */
export function sortByPath<T>(items: readonly T[], source: string, objectOf: (item: T) => Json): T[] {
  const path = compileRelaxedPath(source)
  const keyed = items.map((item) => ({ item, value: path(objectOf(item))[0] ?? null }))
  if (items.length > 0 && keyed.every(({ value }) => value === null)) {
    const shown = /^\{.*\}$/s.test(source) ? source : `{${/^[.[]/.test(source) ? '' : '.'}${source}}`
    throw new UsageError(`couldn't find any field with path "${shown}" in the list of objects`)
  }
  return keyed.toSorted((a, b) => compare(a.value, b.value)).map(({ item }) => item)
}

function compare(a: Json, b: Json): number {
  if (a === null || b === null) return (a === null ? 0 : 1) - (b === null ? 0 : 1)
  if (typeof a === 'string' && typeof b === 'string') {
    return isQuantity(a) && isQuantity(b) ? compareQuantity(a, b) : byCodePoint(a, b)
  }
  return Number(a) - Number(b) || 0
}
