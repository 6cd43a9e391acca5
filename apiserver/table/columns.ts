import { compileJsonPath, type JsonPath } from '../../apimachinery/json-path.ts'
import { isJsonObject, type Json, type JsonObject } from '../../crds/meta/json.ts'
import { goJson, goNumber } from '../schema/field-error.ts'
import { ageOf } from './age.ts'

/** A column as clients see it in `columnDefinitions` of a Table. */
export interface ColumnDefinition {
  readonly name: string
  readonly type: string
  readonly format: string
  readonly description: string
  /** 0 for columns that are always shown, above that for `-o wide`. */
  readonly priority: number
}

export interface TableColumn {
  readonly definition: ColumnDefinition
  /** What stands in the column for an object; `now` in milliseconds since the epoch. */
  readonly cell: (object: JsonObject, now: number) => Json
  /** The same in two steps, where only the second depends on the time: the first is worth remembering. */
  readonly steps?: ColumnSteps
}

export interface ColumnSteps {
  readonly value: (object: JsonObject) => Json
  readonly shown: (value: Json, now: number) => Json
}

/** A column whose cells are what `value` finds, as `shown` writes it. */
function inSteps(definition: ColumnDefinition, steps: ColumnSteps): TableColumn {
  return { definition, steps, cell: (object, now) => steps.shown(steps.value(object), now) }
}

/** An entry of `additionalPrinterColumns` of a CustomResourceDefinition. */
export interface PrinterColumn {
  readonly name: string
  readonly type: string
  readonly jsonPath: string
  readonly format?: string | undefined
  readonly description?: string | undefined
  readonly priority?: number | undefined
}

export const nameDescription =
  'Name must be unique within a namespace. Is required when creating resources, although some resources may allow a client to request the generation of an appropriate name automatically. Name is primarily intended for creation idempotence and configuration definition. Cannot be updated. More info: https://kubernetes.io/docs/concepts/overview/working-with-objects/names#names'
export const creationDescription =
  'CreationTimestamp is a timestamp representing the server time when this object was created. It is not guaranteed to be set in happens-before order across separate operations. Clients may not set this value. It is represented in RFC3339 form and is in UTC.\n\nPopulated by the system. Read-only. Null for lists. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata'

/** The name of the object: first in almost every table. */
export const nameColumn: TableColumn = inSteps(
  { name: 'Name', type: 'string', format: 'name', description: nameDescription, priority: 0 },
  { value: (object) => metadataOf(object)['name'] ?? '', shown: (name) => name },
)

export function metadataOf(object: JsonObject): JsonObject {
  return isJsonObject(object['metadata']) ? object['metadata'] : {}
}

/**
 * The columns of a custom resource: its name, then the printer columns of its definition, or its age when there are
 * none. Throws a JsonPathError for a path that is not understood.
 */
export function tableColumns(printerColumns: readonly PrinterColumn[] | undefined): TableColumn[] {
  const columns = printerColumns === undefined || printerColumns.length === 0 ? [ageColumn] : printerColumns
  return [nameColumn, ...columns.map(printerColumn)]
}

const ageColumn: PrinterColumn = {
  name: 'Age',
  type: 'date',
  description: creationDescription,
  jsonPath: '.metadata.creationTimestamp',
}

function printerColumn({ name, type, jsonPath, format, description, priority }: PrinterColumn): TableColumn {
  const path = compileJsonPath(jsonPath)
  const definition = {
    name,
    type,
    format: format ?? '',
    description: description || `Custom resource definition column (in JSONPath format): ${jsonPath}`,
    priority: priority ?? 0,
  }
  return inSteps(definition, {
    value: (object) => {
      const value = firstValue(path, object)
      if (value === undefined) return null
      // Everything but a time is shown the same at all times.
      return type === 'date' ? value : cellValue(type, value, 0)
    },
    shown: (value, now) => (type === 'date' ? cellValue(type, value, now) : value),
  })
}

function firstValue(path: JsonPath, object: JsonObject): Json | undefined {
  try {
    return path(object)[0]
  } catch {
    // An index beyond the end, or a filter over something that is no list, leaves the cell empty.
    return undefined
  }
}

function cellValue(type: string, value: Json, now: number): Json {
  switch (type) {
    case 'string':
      return textOf(value)
    case 'integer':
      return typeof value === 'number' ? Math.trunc(value) : null
    case 'number':
      return typeof value === 'number' ? value : null
    case 'boolean':
      return typeof value === 'boolean' ? value : null
    case 'date':
      return typeof value === 'string' ? ageOf(value, now) : null
    default:
      return null
  }
}

function textOf(value: Json): string {
  if (typeof value === 'string') return value
  if (value === null) return '<no value>'
  if (typeof value === 'number') return goNumber(value)
  return goJson(value)
}
