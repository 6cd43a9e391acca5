import type { Environment } from '@marcbachmann/cel-js'
import { EvaluationError, Optional } from '@marcbachmann/cel-js'
import { Duration } from '@marcbachmann/cel-js/evaluator'
import { jsonEqual } from '../../../apimachinery/patch/json-equal.ts'
import { jsonValue } from './values.ts'

type List = readonly unknown[] | ReadonlySet<unknown>

/** What Kubernetes adds to lists, and the functions on sets. */
export function registerLists(environment: Environment): void {
  registerSums(environment)
  environment
    .registerFunction('list<A>.isSorted(): bool', isSorted)
    .registerFunction('list<A>.min(): A', (list: List) => extreme(list, 'min', (order) => order < 0))
    .registerFunction('list<A>.max(): A', (list: List) => extreme(list, 'max', (order) => order > 0))
    .registerFunction('list<A>.indexOf(A): int', (list: List, value: unknown) =>
      BigInt([...list].findIndex((item) => same(item, value))),
    )
    .registerFunction('list<A>.lastIndexOf(A): int', (list: List, value: unknown) =>
      BigInt([...list].findLastIndex((item) => same(item, value))),
    )
    .registerFunction('list<A>.includes(A): bool', (list: List, value: unknown) => includes(list, value))
    .registerFunction('list<A>.distinct(): list<A>', distinct)
    .registerFunction('list<A>.sort(): list<A>', (list: List) => [...list].toSorted(compare))
    .registerFunction('list<A>.reverse(): list<A>', (list: List) => [...list].toReversed())
    .registerFunction('list<A>.slice(int, int): list<A>', slice)
    .registerFunction('list<A>.first(): optional<A>', (list: List) => optional([...list][0]))
    .registerFunction('list<A>.last(): optional<A>', (list: List) => optional([...list].at(-1)))
    .registerFunction('list.flatten(): list', (list: List) => flatten(list, 1))
    .registerFunction('list.flatten(int): list', (list: List, depth: bigint) => flatten(list, Number(depth)))
  registerSets(environment)
}

function registerSums(environment: Environment): void {
  environment
    .registerFunction('list<int>.sum(): int', (list: readonly bigint[]) =>
      [...list].reduce((a, b) => a + b, 0n),
    )
    .registerFunction('list<double>.sum(): double', (list: readonly number[]) =>
      [...list].reduce((a, b) => a + b, 0),
    )
    .registerFunction(
      'list<google.protobuf.Duration>.sum(): google.protobuf.Duration',
      (list: readonly Duration[]) => [...list].reduce((a, b) => a.addDuration(b), new Duration(0n)),
    )
}

function registerSets(environment: Environment): void {
  class SetsNamespace {}
  environment
    .registerType('SetsNamespace', SetsNamespace)
    .registerConstant({ name: 'sets', type: 'SetsNamespace', value: new SetsNamespace() })
    .registerFunction('SetsNamespace.contains(list<A>, list<A>): bool', (_: unknown, a: List, b: List) =>
      containsAll(a, b),
    )
    .registerFunction(
      'SetsNamespace.equivalent(list<A>, list<A>): bool',
      (_: unknown, a: List, b: List) => containsAll(a, b) && containsAll(b, a),
    )
    .registerFunction('SetsNamespace.intersects(list<A>, list<A>): bool', (_: unknown, a: List, b: List) =>
      [...b].some((item) => includes(a, item)),
    )
}

function optional(value: unknown): Optional {
  return Optional.of(value)
}

function same(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object') return false
  return jsonEqual(jsonValue(a), jsonValue(b))
}

function includes(list: List, value: unknown): boolean {
  if (list instanceof Set && typeof value !== 'object') return list.has(value)
  return [...list].some((item) => same(item, value))
}

const containsAll = (list: List, values: List) => [...values].every((value) => includes(list, value))

function compare(a: unknown, b: unknown): number {
  const [x, y] = [ordinal(a), ordinal(b)]
  if (typeof x !== typeof y && (typeof x === 'string' || typeof y === 'string'))
    throw new EvaluationError('list elements must be comparable')
  return x < y ? -1 : x > y ? 1 : 0
}

function ordinal(value: unknown): string | number | bigint {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint') return value
  if (typeof value === 'boolean') return value ? 1 : 0
  if (value instanceof Date || value instanceof Duration) return Number(value.valueOf())
  if (value instanceof Uint8Array) return Buffer.from(value).toString('latin1')
  throw new EvaluationError('list elements must be comparable')
}

function isSorted(list: List): boolean {
  const items = [...list]
  return items.every((item, index) => index === 0 || compare(items[index - 1], item) <= 0)
}

function extreme(list: List, name: string, better: (order: number) => boolean): unknown {
  const items = [...list]
  if (items.length === 0) throw new EvaluationError(`${name} called on empty list`)
  return items.reduce((best, item) => (better(compare(item, best)) ? item : best))
}

function distinct(list: List): unknown[] {
  const kept: unknown[] = []
  const scalars = new Set<unknown>()
  for (const item of list) {
    if (typeof item === 'object' ? kept.some((other) => same(other, item)) : scalars.has(item)) continue
    scalars.add(item)
    kept.push(item)
  }
  return kept
}

function slice(list: List, from: bigint, to: bigint): unknown[] {
  const items = [...list]
  if (from < 0n || to < from || to > BigInt(items.length)) {
    throw new EvaluationError(`cannot slice(${from}, ${to}), list is length ${items.length}`)
  }
  return items.slice(Number(from), Number(to))
}

function flatten(list: List, depth: number): unknown[] {
  if (depth < 0) throw new EvaluationError('level must be non-negative')
  return [...list].flatMap((item) => {
    const inner = Array.isArray(item) || item instanceof Set
    return inner && depth > 0 ? flatten(item as List, depth - 1) : [item]
  })
}
