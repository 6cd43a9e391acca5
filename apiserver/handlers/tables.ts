import type { Clock } from '../../apimachinery/clock.ts'
import type { Json } from '../../crds/meta/json.ts'
import type { CachedObject } from '../cache/cache.ts'
import { metadataRange } from '../cache/json-scan.ts'
import type { ResourceDefinition } from '../registry/resource-definition.ts'
import { builtInColumns, defaultColumns } from '../table/built-in-columns.ts'
import { tableColumns, type TableColumn } from '../table/columns.ts'

/** The columns of every kind, compiled once, and the time that ages are counted from. */
export class Tables {
  readonly #clock: Clock
  readonly #columns = new WeakMap<ResourceDefinition, readonly TableColumn[]>()

  readonly #ranges = new WeakMap<CachedObject, readonly [from: number, to: number]>()
  readonly #values = new WeakMap<readonly TableColumn[], WeakMap<CachedObject, readonly Json[]>>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  now(): number {
    return this.#clock.now()
  }

  /** Where the metadata stands in the JSON of an object; looked up once. */
  metadataIn(item: CachedObject): Buffer {
    let range = this.#ranges.get(item)
    if (!range) this.#ranges.set(item, (range = metadataRange(item.json) ?? [0, 0]))
    return item.json.subarray(...range)
  }

  /** What stands in the row of an object. What it shows at all times is looked up once. */
  cells(definition: ResourceDefinition, item: CachedObject): Json[] {
    const columns = this.columnsOf(definition)
    const now = this.now()
    const steps = columns.flatMap((column) => column.steps ?? [])
    if (steps.length < columns.length) return columns.map(({ cell }) => cell(item.object, now))
    let known = this.#values.get(columns)
    if (!known) this.#values.set(columns, (known = new WeakMap()))
    let values = known.get(item)
    if (!values) {
      const { object } = item
      values = steps.map(({ value }) => value(object))
      known.set(item, values)
    }
    const found = values
    return steps.map(({ shown }, index) => shown(found[index] ?? null, now))
  }

  columnsOf(definition: ResourceDefinition): readonly TableColumn[] {
    let columns = this.#columns.get(definition)
    if (!columns) this.#columns.set(definition, (columns = compile(definition)))
    return columns
  }
}

function compile({ custom, group, kind, columns }: ResourceDefinition): readonly TableColumn[] {
  return custom ? tableColumns(columns) : (builtInColumns(group, kind) ?? defaultColumns)
}
