import { goQuote } from '../../apimachinery/selectors/go-quote.ts'
import { isJsonObject, type Json } from '../../crds/meta/json.ts'
import { goNumber } from '../schema/field-error.ts'

/** A value as Go's `%v` prints it: `text`, `[a b]`, `map[a:1]`. */
export function goText(value: Json): string {
  if (value === null) return '<nil>'
  if (typeof value === 'number') return goNumber(value)
  if (Array.isArray(value)) return `[${value.map(goText).join(' ')}]`
  if (!isJsonObject(value)) return String(value)
  return `map[${entriesOf(value)
    .map(([name, member]) => `${name}:${goText(member)}`)
    .join(' ')}]`
}

/** A value as Go's `%#v` prints it: `"text"`, `[]interface {}{"a", "b"}`, `map[string]interface {}{"a":1}`. */
export function goSyntax(value: Json): string {
  if (value === null) return 'interface {}(nil)'
  if (typeof value === 'string') return goQuote(value)
  if (typeof value === 'number') return goNumber(value)
  if (Array.isArray(value)) return `${goTypeName(value)}{${value.map(goSyntax).join(', ')}}`
  if (!isJsonObject(value)) return String(value)
  const members = entriesOf(value).map(([name, member]) => `${goQuote(name)}:${goSyntax(member)}`)
  return `${goTypeName(value)}{${members.join(', ')}}`
}

/** What Go's `%T` calls a value. */
export function goTypeName(value: Json): string {
  if (Array.isArray(value)) return '[]interface {}'
  if (isJsonObject(value)) return 'map[string]interface {}'
  if (typeof value === 'boolean') return 'bool'
  if (typeof value === 'number') return Number.isInteger(value) ? 'int64' : 'float64'
  return value === null ? '<nil>' : 'string'
}

function entriesOf(object: Readonly<Record<string, Json | undefined>>): [string, Json][] {
  return Object.entries(object)
    .filter((entry): entry is [string, Json] => entry[1] !== undefined)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
}
