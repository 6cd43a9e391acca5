import { goQuote } from '../../apimachinery/selectors/go-quote.ts'
import { isJsonObject, type Json } from '../../crds/meta/json.ts'
import { wrongTypeField } from './field-error.ts'
import { effectiveFormat } from './scalar-validation.ts'
import type { SchemaNode } from './schema-node.ts'
import type { Check } from './value-run.ts'

const accepts: Partial<Record<string, (value: Json) => boolean>> = {
  string: (value) => typeof value === 'string',
  integer: (value) => Number.isInteger(value),
  number: (value) => typeof value === 'number',
  boolean: (value) => typeof value === 'boolean',
  array: (value) => Array.isArray(value),
  object: (value) => isJsonObject(value),
  'integer,string': (value) => typeof value === 'string' || Number.isInteger(value),
}

const expectedType = (node: SchemaNode) => (node.intOrString ? 'integer,string' : node.type)

/** Checks the JSON type of a value that is not null; undefined when the schema names none. */
export function typeCheck(node: SchemaNode): Check | undefined {
  const expected = expectedType(node)
  const accept = accepts[expected]
  if (accept === undefined) return undefined
  const format = effectiveFormat(node)
  return (value, run) => {
    if (accept(value)) return
    const named = format !== '' && typeof value !== 'string' && !Array.isArray(value)
    // With a format, Kubernetes names the format that was expected and the one that was found.
    const [want, found] = named ? [format, foundFormat(value)] : [expected, foundType(value)]
    run.errors.push(
      wrongTypeField(run.field, found, `${run.place} in body must be of type ${want}: ${goQuote(found)}`),
    )
  }
}

/** Refuses null; undefined when the schema allows it. */
export function nullCheck(node: SchemaNode): Check | undefined {
  const expected = expectedType(node)
  if (expected === '' || node.nullable) return undefined
  return (_, run) => {
    run.errors.push(
      wrongTypeField(run.field, 'null', `${run.place} in body must be of type ${expected}: "null"`),
    )
  }
}

function foundType(value: Json): string {
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number'
  if (typeof value === 'object') return Array.isArray(value) ? 'array' : 'object'
  return typeof value
}

function foundFormat(value: Json): string {
  if (typeof value !== 'number') return ''
  return Number.isInteger(value) ? 'int64' : 'float64'
}
