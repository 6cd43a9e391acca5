import type { Clock } from '../../apimachinery/clock.ts'
import type { ResourceDefinition } from '../registry/resource-definition.ts'
import { builtInColumns, defaultColumns } from '../table/built-in-columns.ts'
import { tableColumns, type TableColumn } from '../table/columns.ts'

/** The columns of every kind, compiled once, and the time that ages are counted from. */
export class Tables {
  readonly #clock: Clock
  readonly #columns = new WeakMap<ResourceDefinition, readonly TableColumn[]>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  now(): number {
    return this.#clock.now()
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
