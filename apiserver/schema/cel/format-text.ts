import { EvaluationError } from '@marcbachmann/cel-js'
import { Duration } from '@marcbachmann/cel-js/evaluator'
import { CelObject, dynamicValue, jsonValue } from './values.ts'

/** The longest text that one call may make. */
const maxLength = 1024 * 1024

/** `"%s has %d".format([...])` with the verbs of CEL: `%s %d %f %e %b %x %X %o %%`. Throws an EvaluationError. */
export function formatText(pattern: string, values: readonly unknown[]): string {
  let next = 0
  const text = pattern.replace(
    /%(?:\.(\d+))?([a-zA-Z%])/g,
    (_, precision: string | undefined, verb: string) => {
      if (verb === '%') return '%'
      if (next >= values.length) throw new EvaluationError(`index ${next} out of range`)
      const value = values[next++]
      return formatValue(verb, value, precision === undefined ? 6 : Math.min(Number(precision), 100))
    },
  )
  if (text.length > maxLength) throw new EvaluationError('the formatted text is too long')
  return text
}

function formatValue(verb: string, value: unknown, precision: number): string {
  switch (verb) {
    case 's':
      return plainText(value)
    case 'd':
      return wholeNumber(value, 'decimal').toString()
    case 'b':
      return typeof value === 'boolean' ? (value ? '1' : '0') : wholeNumber(value, 'binary').toString(2)
    case 'o':
      return wholeNumber(value, 'octal').toString(8)
    case 'x':
      return hexadecimal(value)
    case 'X':
      return hexadecimal(value).toUpperCase()
    case 'f':
      return decimal(value, 'fixed-point').toFixed(precision)
    case 'e':
      return decimal(value, 'scientific')
        .toExponential(precision)
        .replace(/e([+-])(\d)$/, 'e$10$2')
    default:
      throw new EvaluationError(`could not parse formatting clause: unrecognized formatting clause "${verb}"`)
  }
}

function plainText(value: unknown): string {
  if (typeof value === 'bigint') return value.toString()
  const json = jsonValue(value)
  return typeof json === 'object' ? insideText(value) : String(json ?? '')
}

/** A value inside of a list or map, where texts have quotes and times their type. */
function insideText(value: unknown): string {
  if (typeof value === 'bigint') return value.toString()
  if (typeof value === 'number') return value.toFixed(6)
  if (Array.isArray(value) || value instanceof Set)
    return `[${[...(value as Iterable<unknown>)].map(insideText).join(', ')}]`
  if (value instanceof Date) return `timestamp("${plainText(value)}")`
  if (value instanceof Duration) return `duration("${plainText(value)}")`
  if (value instanceof CelObject) return insideText(dynamicValue(value.raw))
  if (!(value instanceof Map)) return JSON.stringify(jsonValue(value)) ?? ''
  const entries = [...(value as Map<unknown, unknown>)].map(([key, item]) => [
    insideText(key),
    insideText(item),
  ])
  return `{${entries
    .map((entry) => entry.join(': '))
    .toSorted()
    .join(', ')}}`
}

function wholeNumber(value: unknown, clause: string): bigint {
  if (typeof value === 'bigint') return value
  throw new EvaluationError(`error during formatting: ${clause} clause can only be used on integers`)
}

function decimal(value: unknown, clause: string): number {
  if (typeof value === 'number' || typeof value === 'bigint') return Number(value)
  throw new EvaluationError(`error during formatting: ${clause} clause can only be used on doubles`)
}

function hexadecimal(value: unknown): string {
  if (typeof value === 'string') return Buffer.from(value).toString('hex')
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex')
  return wholeNumber(value, 'hexadecimal').toString(16)
}
