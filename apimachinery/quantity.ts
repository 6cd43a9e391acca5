/**
 * Kubernetes quantities (`512Mi`, `1500m`, `2e3`), exact: the value is a whole number of 10^-9, and what is finer is
 * rounded away from zero as Kubernetes does.
 */
export type QuantityFormat = 'BinarySI' | 'DecimalSI' | 'DecimalExponent'

export interface Quantity {
  /** The value times 10^9. */
  readonly nanos: bigint
  /** The family of suffixes that it was written with and is printed in. */
  readonly format: QuantityFormat
}

/** The text is not a quantity. The message is Kubernetes' own. */
export class QuantityError extends Error {
  override readonly name = 'QuantityError'
}

const nanosPerUnit = 1_000_000_000n
const maxBinary = ((1n << 63n) - 1n) * nanosPerUnit
// A number longer than this is a mistake or an attack: 2^63 nano-units take 28 digits.
const maxLength = 256
const maxExponent = 128

const decimalExponents: Partial<Record<string, number>> = {
  n: -9,
  u: -6,
  m: -3,
  '': 0,
  k: 3,
  M: 6,
  G: 9,
  T: 12,
  P: 15,
  E: 18,
}
const binaryExponents: Partial<Record<string, number>> = { Ki: 10, Mi: 20, Gi: 30, Ti: 40, Pi: 50, Ei: 60 }
const decimalSuffixes = ['n', 'u', 'm', '', 'k', 'M', 'G', 'T', 'P', 'E']
const binarySuffixes = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei']

const shape = /^([+-]?)([0-9]*)(?:\.([0-9]*))?([eEinumkKMGTP]*[-+]?[0-9]*)$/

/** Parses `1`, `0.5`, `1500m`, `2Gi`, `1e3`. Throws a QuantityError. */
export function parseQuantity(text: string): Quantity {
  const { negative, whole, fraction, suffix } = splitText(text)
  const { base, exponent, format } = interpretSuffix(suffix)
  const digits = BigInt(whole + fraction)
  if (base === 10) {
    const magnitude = scaleByTen(digits, exponent + 9 - fraction.length)
    return { nanos: negative ? -magnitude : magnitude, format }
  }
  const exact = divideRoundingUp(
    digits * (1n << BigInt(exponent)) * nanosPerUnit,
    10n ** BigInt(fraction.length),
  )
  const magnitude = exact > maxBinary ? maxBinary : exact
  const printed = magnitude > 0n && magnitude < nanosPerUnit ? 'DecimalSI' : format
  return { nanos: negative ? -magnitude : magnitude, format: printed }
}

function splitText(text: string): { negative: boolean; whole: string; fraction: string; suffix: string } {
  const parts = text !== '' && text.length <= maxLength ? shape.exec(text) : null
  if (parts === null) {
    throw new QuantityError(
      "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
    )
  }
  const [, sign, whole = '', fraction = '', suffix = ''] = parts
  if (whole === '' && fraction === '') throw new QuantityError('unable to parse numeric part of quantity')
  return { negative: sign === '-', whole, fraction, suffix }
}

function interpretSuffix(suffix: string): { base: 2 | 10; exponent: number; format: QuantityFormat } {
  const binary = binaryExponents[suffix]
  if (binary !== undefined) return { base: 2, exponent: binary, format: 'BinarySI' }
  const decimal = decimalExponents[suffix]
  if (decimal !== undefined) return { base: 10, exponent: decimal, format: 'DecimalSI' }
  if (/^[eE][-+]?[0-9]+$/.test(suffix)) {
    const exponent = Number(suffix.slice(1))
    if (Math.abs(exponent) <= maxExponent) return { base: 10, exponent, format: 'DecimalExponent' }
  }
  throw new QuantityError("unable to parse quantity's suffix")
}

function scaleByTen(digits: bigint, exponent: number): bigint {
  return exponent >= 0 ? digits * 10n ** BigInt(exponent) : divideRoundingUp(digits, 10n ** BigInt(-exponent))
}

function divideRoundingUp(dividend: bigint, divisor: bigint): bigint {
  const quotient = dividend / divisor
  return quotient * divisor === dividend ? quotient : quotient + 1n
}

/** True when `parseQuantity` accepts the text. */
export function isQuantity(text: string): boolean {
  try {
    parseQuantity(text)
    return true
  } catch {
    return false
  }
}

/** Negative, zero or positive as `a` is less than, equal to or greater than `b`; `1Gi` equals `1024Mi`. */
export function compareQuantity(a: Quantity | string, b: Quantity | string): number {
  const left = nanosOf(a)
  const right = nanosOf(b)
  return left < right ? -1 : left > right ? 1 : 0
}

/** The sum, printed in the family of `a`. */
export function addQuantity(a: Quantity, b: Quantity): Quantity {
  return { nanos: a.nanos + b.nanos, format: a.format }
}

/** `a` minus `b`, printed in the family of `a`. May be negative. */
export function subtractQuantity(a: Quantity, b: Quantity): Quantity {
  return { nanos: a.nanos - b.nanos, format: a.format }
}

function nanosOf(quantity: Quantity | string): bigint {
  return typeof quantity === 'string' ? parseQuantity(quantity).nanos : quantity.nanos
}

/**
 * Whole units, rounded up (away from zero): bytes for memory and disks. A number as long as it is exact, a bigint
 * beyond 2^53. Throws a QuantityError.
 */
export function quantityToBytes(quantity: Quantity | string): number | bigint {
  const units = wholeUnits(nanosOf(quantity))
  const number = Number(units)
  return Number.isSafeInteger(number) ? number : units
}

/** Thousandths, rounded up: millicores for CPU. Throws a QuantityError. */
export function quantityToMillis(quantity: Quantity | string): number {
  const nanos = nanosOf(quantity)
  return Number(nanos < 0n ? -divideRoundingUp(-nanos, 1_000_000n) : divideRoundingUp(nanos, 1_000_000n))
}

/** The nearest double. */
export function quantityToNumber(quantity: Quantity | string): number {
  const nanos = nanosOf(quantity)
  return Number(nanos / nanosPerUnit) + Number(nanos % nanosPerUnit) / 1e9
}

function wholeUnits(nanos: bigint): bigint {
  return nanos < 0n ? -divideRoundingUp(-nanos, nanosPerUnit) : divideRoundingUp(nanos, nanosPerUnit)
}

/** The canonical text: the largest suffix of the family that needs no fraction (`1.5Gi` becomes `1536Mi`). */
export function formatQuantity({ nanos, format }: Quantity): string {
  const binaryFits =
    nanos % nanosPerUnit === 0n && (nanos >= 1024n * nanosPerUnit || nanos <= -1024n * nanosPerUnit)
  if (format !== 'BinarySI') return formatDecimal(nanos, format)
  return binaryFits ? formatBinary(nanos / nanosPerUnit) : formatDecimal(nanos, 'DecimalSI')
}

function formatDecimal(nanos: bigint, format: QuantityFormat): string {
  if (nanos === 0n) return '0'
  let mantissa = nanos
  let exponent = -9
  const last = format === 'DecimalExponent' ? maxExponent + maxLength : 18
  while (exponent < last && mantissa % 1000n === 0n) {
    mantissa /= 1000n
    exponent += 3
  }
  if (format === 'DecimalExponent') return exponent === 0 ? String(mantissa) : `${mantissa}e${exponent}`
  return `${mantissa}${decimalSuffixes[exponent / 3 + 3]}`
}

/** Canonical text of whole bytes: `1610612736` is `1536Mi`, `1000` is `1k`, `1025` is `1025`. */
export function formatBinary(bytes: number | bigint): string {
  let mantissa = BigInt(bytes)
  if (mantissa > -1024n && mantissa < 1024n) return formatDecimal(mantissa * nanosPerUnit, 'DecimalSI')
  let step = 0
  while (step < 6 && mantissa % 1024n === 0n) {
    mantissa /= 1024n
    step += 1
  }
  return `${mantissa}${binarySuffixes[step]}`
}
