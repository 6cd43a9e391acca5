import { goQuote } from '../../apimachinery/selectors/go-quote.ts'
import { isJsonObject, type Json, type JsonObject } from '../../crds/meta/json.ts'
import { goJson, goNumber } from '../schema/field-error.ts'

/**
 * One step of a field path as FieldsV1 writes it: `f:name` a field, `k:{"name":"x"}` an element of a list of type
 * `map`, `v:"x"` an element of a set, `i:0` an element that can only be told by its index.
 */
export type PathElement = string

export function fieldElement(name: string): PathElement {
  return `f:${name}`
}

/** The element of a list by its keys; only the keys that are present take part, in sorted order. */
export function keyElement(keys: JsonObject): PathElement {
  return `k:${goJson(keys)}`
}

export function valueElement(value: Json): PathElement {
  return `v:${goJson(value)}`
}

export function indexElement(index: number): PathElement {
  return `i:${index}`
}

/** The field that an element names, undefined for elements of lists. */
export function fieldName(element: PathElement): string | undefined {
  return element.startsWith('f:') ? element.slice(2) : undefined
}

/**
 * Reads an element from FieldsV1 into its canonical form; undefined when it is of a kind that is not known, which is
 * ignored. Throws a SyntaxError when its JSON is broken.
 */
export function readElement(text: string): PathElement | undefined {
  switch (text.slice(0, 2)) {
    case 'f:':
    case 'i:':
      return text
    case 'v:':
      return valueElement(JSON.parse(text.slice(2)) as Json)
    case 'k:': {
      const keys = JSON.parse(text.slice(2)) as Json
      return isJsonObject(keys) ? keyElement(keys) : undefined
    }
    default:
      return undefined
  }
}

/** Prints a path as Kubernetes does: `.spec.nics[name="eth0"].mac`. */
export function printPath(path: readonly PathElement[]): string {
  return path.map(printElement).join('')
}

/** Prints one step: `.name`, `[name="x"]`, `[="x"]`, `[0]`. */
export function printElement(element: PathElement): string {
  const text = element.slice(2)
  switch (element.charAt(0)) {
    case 'k': {
      const keys = Object.entries(JSON.parse(text) as JsonObject)
      return `[${keys.map(([name, value]) => `${name}=${printValue(value ?? null)}`).join(',')}]`
    }
    case 'v':
      return `[=${printValue(JSON.parse(text) as Json)}]`
    case 'i':
      return `[${text}]`
    default:
      return `.${text}`
  }
}

function printValue(value: Json): string {
  if (typeof value === 'string') return goQuote(value)
  return typeof value === 'number' ? goNumber(value) : JSON.stringify(value)
}

const kinds = 'fkvi'

/** The order in which FieldsV1 lists elements: fields, keys, values, indices, each by content. */
export function compareElements(a: PathElement, b: PathElement): number {
  if (a === b) return 0
  const kind = kinds.indexOf(a.charAt(0)) - kinds.indexOf(b.charAt(0))
  if (kind !== 0) return kind
  switch (a.charAt(0)) {
    case 'k':
      return compareKeys(JSON.parse(a.slice(2)) as JsonObject, JSON.parse(b.slice(2)) as JsonObject)
    case 'v':
      return compareValues(JSON.parse(a.slice(2)) as Json, JSON.parse(b.slice(2)) as Json)
    case 'i':
      return Number(a.slice(2)) - Number(b.slice(2))
    default:
      return compareText(a, b)
  }
}

function compareKeys(a: JsonObject, b: JsonObject): number {
  const left = Object.entries(a)
  const right = Object.entries(b)
  for (const [index, [name, value]] of left.entries()) {
    const other = right[index]
    if (other === undefined) return 1
    const order = compareText(name, other[0]) || compareValues(value ?? null, other[1] ?? null)
    if (order !== 0) return order
  }
  return left.length - right.length
}

function compareValues(a: Json, b: Json): number {
  const rank = typeRank(a) - typeRank(b)
  if (rank !== 0) return rank
  if (typeof a === 'number' && typeof b === 'number') return a - b
  if (typeof a === 'boolean' && typeof b === 'boolean') return Number(a) - Number(b)
  return typeof a === 'string' && typeof b === 'string'
    ? compareText(a, b)
    : compareText(goJson(a), goJson(b))
}

function typeRank(value: Json): number {
  const rank = ['number', 'string', 'boolean'].indexOf(typeof value)
  return rank >= 0 ? rank : value === null ? 5 : Array.isArray(value) ? 3 : 4
}

const compareText = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)
