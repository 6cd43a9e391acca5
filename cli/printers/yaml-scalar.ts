/** Where a text stands. */
export interface ScalarPlace {
  /** Spaces before the key or the dash that it belongs to. */
  readonly indent: number
  /** Characters before the text in its line. */
  readonly column: number
  /** Keys are never broken. */
  readonly isKey: boolean
}

// A line is broken at the first space after this.
const width = 80

/** A text as go-yaml writes it: plain, in single or double quotes, or as a literal block. */
export function formatScalarText(text: string, place: ScalarPlace): string {
  const { indent } = place
  switch (styleOf(text, place.isKey)) {
    case 'plain':
      return fold(text, place, false)
    case 'single':
      return fold(`'${text.replaceAll("'", "''")}'`, place, false)
    case 'double':
      return fold(`"${escaped(text)}"`, place, true)
    case 'literal':
      return literal(text, ' '.repeat(indent + 2))
  }
}

// What YAML 1.1 would read as something other than text.
const otherThanText = new RegExp(
  `^(?:${[
    '~|null|Null|NULL|true|True|TRUE|false|False|FALSE',
    'y|Y|yes|Yes|YES|n|N|no|No|NO|on|On|ON|off|Off|OFF',
    '[-+]?(?:0b[01_]+|0x[0-9a-fA-F_]+|0o?[0-7_]+|[0-9][0-9_]*)',
    '[-+]?(?:\\.[0-9][0-9_]*|[0-9][0-9_]*(?:\\.[0-9_]*)?)(?:[eE][-+]?[0-9]+)?',
    '[-+]?\\.(?:inf|Inf|INF)|\\.(?:nan|NaN|NAN)',
    '[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\\.[0-9_]*)?',
    '\\d{4}-\\d\\d?-\\d\\d?(?:(?:[Tt]| )\\d\\d?:\\d\\d?:\\d\\d?(?:\\.\\d+)?(?:Z|[-+]\\d\\d:\\d\\d)?)?',
  ].join('|')})$`,
)

// Everything but printable characters of the basic plane and the end of a line; tabs count as unprintable here.
const unprintable = /[^\n\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd]/
const indicatorFirst = /^(?:[#,[\]{}&*!|>'"%@`]|[-?:](?:\s|$)|---|\.\.\.)/
const indicatorInside = /:(?:\s|$)|\s#/

type Style = 'plain' | 'single' | 'double' | 'literal'

function styleOf(text: string, isKey: boolean): Style {
  if (unprintable.test(text)) return 'double'
  if (text.includes('\n')) return isKey || / (?:\n|$)/.test(text) ? 'double' : 'literal'
  if (text === '' || otherThanText.test(text)) return 'double'
  const needsQuotes = /^ | $/.test(text) || indicatorFirst.test(text) || indicatorInside.test(text)
  return needsQuotes ? 'single' : 'plain'
}

/** Breaks at single spaces; in double quotes also at the first of several, with a backslash before the next. */
function fold(text: string, { indent, column, isKey }: ScalarPlace, isDouble: boolean): string {
  if (isKey || column + text.length <= width) return text
  const next = `\n${' '.repeat(indent + 2)}`
  const lines: string[] = []
  let start = 0
  // Where the line would begin if it had nothing before it.
  let origin = -column
  for (let i = text.indexOf(' ', 2); i !== -1 && i < text.length - 2; i = text.indexOf(' ', i + 1)) {
    const beforeSpace = text.charAt(i + 1) === ' '
    const mayBreak = text.charAt(i - 1) !== ' ' && (!beforeSpace || isDouble)
    if (!mayBreak || i - origin <= width) continue
    lines.push(text.slice(start, i) + (beforeSpace ? `${next}\\` : next))
    start = i + 1
    origin = start - indent - 2 - (beforeSpace ? 1 : 0)
  }
  return lines.join('') + text.slice(start)
}

const escapes: Readonly<Record<string, string>> = {
  '\0': '\\0',
  '\x07': '\\a',
  '\b': '\\b',
  '\t': '\\t',
  '\n': '\\n',
  '\v': '\\v',
  '\f': '\\f',
  '\r': '\\r',
  '\x1b': '\\e',
  '"': '\\"',
  '\\': '\\\\',
  '\x85': '\\N',
  '\u2028': '\\L',
  '\u2029': '\\P',
}

function escaped(text: string): string {
  return Array.from(text, (char) => {
    if (char === '"' || char === '\\' || char === '\n' || unprintable.test(char))
      return escapes[char] ?? hex(char)
    return char
  }).join('')
}

function hex(char: string): string {
  const code = char.codePointAt(0) ?? 0
  const digits = (count: number) => code.toString(16).toUpperCase().padStart(count, '0')
  if (code <= 0xff) return `\\x${digits(2)}`
  return code <= 0xffff ? `\\u${digits(4)}` : `\\U${digits(8)}`
}

function literal(text: string, indent: string): string {
  // White space at the beginning would be taken for indentation.
  const hint = /^[ \n]/.test(text) ? '2' : ''
  const chomp = !text.endsWith('\n') ? '-' : text === '\n' || text.endsWith('\n\n') ? '+' : ''
  const body = (text.endsWith('\n') ? text.slice(0, -1) : text).split('\n')
  return [`|${hint}${chomp}`, ...body.map((line) => (line === '' ? '' : indent + line))].join('\n')
}
