import type { StatusCause } from '../../apimachinery/status-error.ts'
import type { Json } from '../../crds/meta/json.ts'

/** One thing wrong with one field, worded as Kubernetes' `field.Error`. */
export type FieldError = StatusCause

export function requiredField(field: string, detail = ''): FieldError {
  return { reason: 'FieldValueRequired', message: `Required value${detail && `: ${detail}`}`, field }
}

export function invalidValue(field: string, value: Json | undefined, detail: string): FieldError {
  return { reason: 'FieldValueInvalid', message: `Invalid value: ${quoted(value)}: ${detail}`, field }
}

export function duplicateValue(field: string, value: Json): FieldError {
  return { reason: 'FieldValueDuplicate', message: `Duplicate value: ${quoted(value)}`, field }
}

export function unsupportedValue(field: string, value: Json, supported: readonly string[]): FieldError {
  const list = supported.map(quoted).join(', ')
  return {
    reason: 'FieldValueNotSupported',
    message: `Unsupported value: ${quoted(value)}: supported values: ${list}`,
    field,
  }
}

export function forbiddenField(field: string, detail: string): FieldError {
  return { reason: 'FieldValueForbidden', message: `Forbidden: ${detail}`, field }
}

export function tooLong(field: string, maxBytes: number): FieldError {
  return { reason: 'FieldValueTooLong', message: `Too long: may not be more than ${maxBytes} bytes`, field }
}

export function wrongType(field: string, value: Json, expected: string): FieldError {
  return {
    reason: 'FieldValueTypeInvalid',
    message: `Invalid value: ${quoted(value)}: must be ${expected}`,
    field,
  }
}

function quoted(value: Json | undefined): string {
  return value === undefined ? 'null' : JSON.stringify(value)
}
