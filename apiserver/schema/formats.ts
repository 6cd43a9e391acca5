import { isIPv4, isIPv6 } from 'node:net'

/** Tells whether a text is of a string format. */
export type FormatCheck = (text: string) => boolean

/**
 * The string formats that kube-apiserver checks, without the dashes in their names (`date-time` is `datetime`). Other
 * formats are accepted in a schema and not checked.
 */
export const stringFormats: ReadonlyMap<string, FormatCheck> = new Map<string, FormatCheck>([
  ['bsonobjectid', matches(/^[0-9a-fA-F]{24}$/)],
  ['uri', isRequestUri],
  ['email', matches(/^(?:[^<>]*<)?[^\s@<>(),;:"[\]\\]+@[^\s@<>(),;:"[\]\\]+>?$/)],
  ['hostname', isHostname],
  ['ipv4', (text) => isIPv4(text.replace(/(^|\.)0+(?=[0-9])/g, '$1'))],
  ['ipv6', (text) => isIPv6(text) && !text.includes('%')],
  ['cidr', isCidr],
  ['mac', isMac],
  ['uuid', matches(/^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i)],
  ['uuid3', matches(/^[0-9a-f]{8}-?[0-9a-f]{4}-?3[0-9a-f]{3}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i)],
  ['uuid4', matches(/^[0-9a-f]{8}-?[0-9a-f]{4}-?4[0-9a-f]{3}-?[89ab][0-9a-f]{3}-?[0-9a-f]{12}$/i)],
  ['uuid5', matches(/^[0-9a-f]{8}-?[0-9a-f]{4}-?5[0-9a-f]{3}-?[89ab][0-9a-f]{3}-?[0-9a-f]{12}$/i)],
  ['isbn', (text) => isIsbn10(text) || isIsbn13(text)],
  ['isbn10', isIsbn10],
  ['isbn13', isIsbn13],
  ['creditcard', isCreditCard],
  ['ssn', matches(/^\d{3}[- ]\d{2}[- ]\d{4}$/)],
  ['hexcolor', matches(/^#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$/)],
  ['rgbcolor', isRgbColor],
  ['byte', matches(/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{4})$/)],
  ['password', () => true],
  ['date', isDate],
  ['datetime', isDateTime],
  ['duration', isDuration],
  ['k8sshortname', (text) => text.length <= 63 && /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(text)],
  [
    'k8slongname',
    (text) =>
      text.length <= 253 && /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/.test(text),
  ],
])

function matches(pattern: RegExp): FormatCheck {
  return (text) => pattern.test(text)
}

function isRequestUri(text: string): boolean {
  if (text === '' || /[\s\p{Cc}]/u.test(text)) return false
  if (text === '*') return true
  if (/%(?![0-9a-fA-F]{2})/.test(text.split(/[?#]/, 1)[0] ?? '')) return false
  if (text.startsWith('/')) return true
  return /^[a-zA-Z][a-zA-Z0-9+.-]*:/.test(text)
}

function isHostname(text: string): boolean {
  if (text === '' || Buffer.byteLength(text) > 255) return false
  const labels = text.split('.')
  const last = labels.pop() ?? ''
  if (labels.length > 0 && !/^[a-zA-Z\p{L}]{2,63}$/u.test(last)) return false
  const label = /^[a-zA-Z0-9\p{S}\p{L}]([a-zA-Z0-9\p{S}\p{L}-]{0,61}[a-zA-Z0-9\p{S}\p{L}])?$/u
  return (labels.length === 0 ? [last] : labels).every((part) => label.test(part))
}

function isCidr(text: string): boolean {
  const slash = text.lastIndexOf('/')
  const address = text.slice(0, slash)
  const bits = text.slice(slash + 1)
  if (slash < 0 || !/^[0-9]{1,3}$/.test(bits)) return false
  if (isIPv6(address)) return !address.includes('%') && Number(bits) <= 128
  return isIPv4(address.replace(/(^|\.)0+(?=[0-9])/g, '$1')) && Number(bits) <= 32
}

function isMac(text: string): boolean {
  if (/^[0-9a-fA-F]{4}(\.[0-9a-fA-F]{4})+$/.test(text)) return [14, 19, 49].includes(text.length)
  const pairs =
    /^[0-9a-fA-F]{2}(:[0-9a-fA-F]{2})+$/.test(text) || /^[0-9a-fA-F]{2}(-[0-9a-fA-F]{2})+$/.test(text)
  return pairs && [17, 23, 59].includes(text.length)
}

function isIsbn10(text: string): boolean {
  const digits = text.replace(/[\s-]/g, '')
  if (!/^[0-9]{9}[0-9X]$/.test(digits)) return false
  let sum = 0
  for (let i = 0; i < 10; i++) sum += (i + 1) * (digits[i] === 'X' ? 10 : Number(digits[i]))
  return sum % 11 === 0
}

function isIsbn13(text: string): boolean {
  const digits = text.replace(/[\s-]/g, '')
  if (!/^[0-9]{13}$/.test(digits)) return false
  let sum = 0
  for (let i = 0; i < 13; i++) sum += Number(digits[i]) * (i % 2 === 0 ? 1 : 3)
  return sum % 10 === 0
}

const creditCard =
  /^(?:4[0-9]{12}(?:[0-9]{3})?|5[1-5][0-9]{14}|6(?:011|5[0-9][0-9])[0-9]{12}|3[47][0-9]{13}|3(?:0[0-5]|[68][0-9])[0-9]{11}|(?:2131|1800|35\d{3})\d{11})$/

function isCreditCard(text: string): boolean {
  const digits = text.replace(/[^0-9]+/g, '')
  if (!creditCard.test(digits)) return false
  let sum = 0
  for (let i = 0; i < digits.length; i++) {
    const digit = Number(digits.at(-1 - i)) * (i % 2 === 0 ? 1 : 2)
    sum += digit > 9 ? digit - 9 : digit
  }
  return sum % 10 === 0
}

function isRgbColor(text: string): boolean {
  const parts = /^rgb\(\s*(0|[1-9]\d{0,2})\s*,\s*(0|[1-9]\d{0,2})\s*,\s*(0|[1-9]\d{0,2})\s*\)$/.exec(text)
  return parts !== null && parts.slice(1).every((part) => Number(part) <= 255)
}

function isDate(text: string): boolean {
  const parts = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text)
  return parts !== null && validDay(Number(parts[1]), Number(parts[2]), Number(parts[3]))
}

function validDay(year: number, month: number, day: number): boolean {
  const date = new Date(Date.UTC(2000, month - 1, day))
  date.setUTCFullYear(year, month - 1, day)
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day
}

const dateTime = /^(\d{4}-\d{2}-\d{2})[Tt](\d{2}):(\d{2}):(\d{2})(?:\.\d+)?(?:[Zz]|[+-](\d{2}):(\d{2}))$/

function isDateTime(text: string): boolean {
  const parts = dateTime.exec(text)
  if (parts === null || !isDate(parts[1] ?? '')) return false
  const [hour, minute, second, zoneHour, zoneMinute] = parts.slice(2).map((part) => Number(part ?? 0))
  return (
    within(hour, 23) &&
    within(minute, 59) &&
    within(second, 59) &&
    within(zoneHour, 23) &&
    within(zoneMinute, 59)
  )
}

const within = (value: number | undefined, most: number) =>
  value === undefined || Number.isNaN(value) || value <= most

const goDuration = /^[-+]?(?:0|(?:(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:ns|us|µs|μs|ms|s|m|h))+)$/
const longUnits = /\d+\s*(?:ns|nano|us|µs|micro|ms|milli|s|sec|m|min|h|hr|hour|d|day|w|wk|week)/i

/** Go's durations (`1h30m`), or Scala's words (`2 days`). */
function isDuration(text: string): boolean {
  return goDuration.test(text) || longUnits.test(text)
}
