import { goQuote } from '../../apimachinery/selectors/go-quote.ts'
import { stringFormats } from './formats.ts'
import { goNumber, invalidField, tooLongField, wrongTypeField } from './field-error.ts'
import { compilePattern } from './pattern.ts'
import type { SchemaNode } from './schema-node.ts'
import type { Check, ValueRun } from './value-run.ts'

/** The format as far as it is checked: '' for a format that does not go with the type or is not known. */
export function effectiveFormat({ type, intOrString, format }: SchemaNode): string {
  if (format === '' || intOrString) return ''
  switch (type) {
    case '':
    case 'string':
      return stringFormats.has(format.replaceAll('-', '')) ? format : ''
    case 'integer':
      return format === 'int32' || format === 'int64' ? format : ''
    case 'number':
      return format === 'float' || format === 'double' ? format : ''
    default:
      return ''
  }
}

/** Checks the format of a string; undefined when there is none to check. */
export function formatCheck(node: SchemaNode): Check | undefined {
  const format = effectiveFormat(node)
  const matches = stringFormats.get(format.replaceAll('-', ''))
  if (matches === undefined) return undefined
  return (value, run) => {
    if (typeof value !== 'string' || matches(value)) return
    run.errors.push(
      wrongTypeField(run.field, value, `${run.place} in body must be of type ${format}: ${goQuote(value)}`),
    )
  }
}

/** Checks length and pattern of a string, reporting the first that fails. */
export function stringCheck({ minLength, maxLength, pattern: source }: SchemaNode): Check | undefined {
  if (minLength === undefined && maxLength === undefined && source === '') return undefined
  const compiled = source === '' ? undefined : compilePattern(source)
  // A pattern that does not compile is refused with the schema; here it would match nothing.
  const pattern = typeof compiled === 'string' ? { test: () => false } : compiled
  return (value, run) => {
    const text = value as string
    if (maxLength !== undefined && longerThan(text, maxLength)) {
      run.errors.push(tooLongField(run.field, maxLength))
    } else if (minLength !== undefined && shorterThan(text, minLength)) {
      run.errors.push(
        invalidField(run.field, text, `${run.place} in body should be at least ${minLength} chars long`),
      )
    } else if (pattern !== undefined && !pattern.test(text)) {
      run.errors.push(invalidField(run.field, text, `${run.place} in body should match '${source}'`))
    }
  }
}

// Length counts code points: a string is never longer than its UTF-16 units, which are free to read.
const longerThan = (text: string, length: number) => text.length > length && codePoints(text) > length
const shorterThan = (text: string, length: number) => text.length < length || codePoints(text) < length

function codePoints(text: string): number {
  let count = text.length
  for (let i = 0; i < text.length - 1; i++) {
    const unit = text.charCodeAt(i)
    if (unit >= 0xd800 && unit < 0xdc00 && (text.charCodeAt(i + 1) & 0xfc00) === 0xdc00) count -= 1
  }
  return count
}

/** Checks range and divisibility of a number. */
export function numberCheck(node: SchemaNode): Check | undefined {
  const parts = [rangeCheck(node), multipleCheck(node), minimumCheck(node), maximumCheck(node)].filter(
    (part) => part !== undefined,
  )
  if (parts.length === 0) return undefined
  return (value, run, old) => {
    for (const part of parts) part(value, run, old)
  }
}

function rangeCheck(node: SchemaNode): Check | undefined {
  const { type, intOrString } = node
  const format = effectiveFormat(node)
  const fits = ranges[type === 'integer' ? format || 'int64' : format]
  if (fits === undefined || intOrString) return undefined
  const shown = format === '' ? '(default format)' : `with format ${format}`
  return (value, run) => {
    if (!fits(value as number))
      run.addUnplaced(`Checked value must be of type ${type} ${shown} in ${run.place}`)
  }
}

const ranges: Partial<Record<string, (value: number) => boolean>> = {
  int32: (value) => (value | 0) === value,
  int64: (value) => Number.isInteger(value) && value >= -(2 ** 63) && value < 2 ** 63,
  float: (value) => Math.abs(value) <= 3.4028234663852886e38,
}

function multipleCheck({ multipleOf }: SchemaNode): Check | undefined {
  if (multipleOf === undefined) return undefined
  return (value, run) => {
    const number = value as number
    const factor = Number.isInteger(number) ? Math.trunc(multipleOf) : multipleOf
    if (factor <= 0) {
      const message = `factor MultipleOf declared for ${run.place} must be positive: ${goNumber(factor)}`
      run.errors.push(invalidField(run.field, factor, message))
    } else if (!Number.isInteger(factor < 1 ? (1 / factor) * number : number / factor)) {
      reportBound(run, number, `should be a multiple of ${goNumber(factor)}`)
    }
  }
}

function maximumCheck({ maximum, exclusiveMaximum }: SchemaNode): Check | undefined {
  if (maximum === undefined) return undefined
  return (value, run) => {
    const number = value as number
    const bound = Number.isInteger(number) ? Math.trunc(maximum) : maximum
    if (exclusiveMaximum ? number < bound : number <= bound) return
    reportBound(
      run,
      number,
      `should be less than ${exclusiveMaximum ? '' : 'or equal to '}${goNumber(bound)}`,
    )
  }
}

function minimumCheck({ minimum, exclusiveMinimum }: SchemaNode): Check | undefined {
  if (minimum === undefined) return undefined
  return (value, run) => {
    const number = value as number
    const bound = Number.isInteger(number) ? Math.trunc(minimum) : minimum
    if (exclusiveMinimum ? number > bound : number >= bound) return
    reportBound(
      run,
      number,
      `should be greater than ${exclusiveMinimum ? '' : 'or equal to '}${goNumber(bound)}`,
    )
  }
}

function reportBound(run: ValueRun, value: number, complaint: string): void {
  run.errors.push(invalidField(run.field, value, `${run.place} in body ${complaint}`))
}
