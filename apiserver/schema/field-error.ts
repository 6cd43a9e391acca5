import { goQuote } from '../../apimachinery/selectors/go-quote.ts'
import type { StatusCause } from '../../apimachinery/status-error.ts'
import { isJsonObject, type Json } from '../../crds/meta/json.ts'

/*
 * Field errors as causes of an Invalid status, worded as Kubernetes' `field.Error` prints them. `field` is a path such
 * as `spec.disks[0].size`; the path that Kubernetes leaves out is `<nil>`.
 */

/** The path of an error that belongs to the object as a whole. */
export const noField = '<nil>'

export function requiredField(field: string, detail = ''): StatusCause {
  return cause('FieldValueRequired', field, 'Required value', detail)
}

export function invalidField(field: string, value: Json, detail: string): StatusCause {
  return cause('FieldValueInvalid', field, `Invalid value: ${showValue(value)}`, detail)
}

/** For objects and lists, which are not shown. */
export function invalidWithoutValue(field: string, detail: string): StatusCause {
  return cause('FieldValueInvalid', field, 'Invalid value', detail)
}

/** The value has the wrong JSON type or format; prints like `invalidField`. */
export function wrongTypeField(field: string, value: Json, detail: string): StatusCause {
  return cause('FieldValueTypeInvalid', field, `Invalid value: ${showValue(value)}`, detail)
}

export function duplicateField(field: string, value: Json): StatusCause {
  return cause('FieldValueDuplicate', field, `Duplicate value: ${showValue(value)}`, '')
}

export function unsupportedField(field: string, value: Json, supported: readonly string[]): StatusCause {
  const listed = supported.length === 0 ? '' : `supported values: ${supported.map(goQuote).join(', ')}`
  return cause('FieldValueNotSupported', field, `Unsupported value: ${showValue(value)}`, listed)
}

export function forbiddenField(field: string, detail: string): StatusCause {
  return cause('FieldValueForbidden', field, 'Forbidden', detail)
}

export function tooLongField(field: string, maxLength: number): StatusCause {
  return cause(
    'FieldValueTooLong',
    field,
    'Too long',
    `may not be more than ${maxLength} ${maxLength === 1 ? 'byte' : 'bytes'}`,
  )
}

export function tooManyField(field: string, actual: number, most: number): StatusCause {
  return cause(
    'FieldValueTooMany',
    field,
    `Too many: ${actual}`,
    `must have at most ${most} ${most === 1 ? 'item' : 'items'}`,
  )
}

export function internalField(field: string, detail: string): StatusCause {
  return cause('InternalError', field, 'Internal error', detail)
}

function cause(reason: string, field: string, body: string, detail: string): StatusCause {
  return { reason, message: detail === '' ? body : `${body}: ${detail}`, field }
}

function showValue(value: Json): string {
  if (typeof value === 'string') return goQuote(value)
  if (typeof value === 'number') return goNumber(value)
  return goJson(value)
}

/** JSON as Go's encoder writes it: sorted keys, `<`, `>` and `&` escaped. */
export function goJson(value: Json): string {
  return JSON.stringify(sortKeys(value)).replace(
    /[<>&\u2028\u2029]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

function sortKeys(value: Json): Json {
  if (Array.isArray(value)) return value.map(sortKeys)
  if (!isJsonObject(value)) return value
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(
    entries.map(([key, item]) => [key, item === undefined ? undefined : sortKeys(item)]),
  )
}

/** A number as Go's `%v` prints an int64 or float64. */
export function goNumber(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 1e21) return BigInt(value).toString()
  const size = Math.abs(value)
  if (size >= 1e-4 && size < 1e21) return String(value)
  const [mantissa, exponent = '+0'] = value.toExponential().split('e')
  return `${mantissa}e${exponent.charAt(0)}${exponent.slice(1).padStart(2, '0')}`
}
