const quote = 0x22
const backslash = 0x5c
const openBrace = 0x7b
export const closeBrace = 0x7d
const openBracket = 0x5b
const closeBracket = 0x5d
const colon = 0x3a
const comma = 0x2c

const metadataKey = Buffer.from('"metadata"')

/**
 * The offset just inside the braces of the top-level `metadata` object, or -1 when there is none. Looks at no more
 * of the text than what comes before it, so text that is not JSON may go unnoticed: parse it as well.
 */
export function metadataStart(json: Buffer): number {
  let at = skipSpace(json, 0)
  if (json[at] !== openBrace) return -1
  at = skipSpace(json, at + 1)
  while (json[at] === quote) {
    const keyEnd = stringEnd(json, at)
    const isMetadata = metadataKey.equals(json.subarray(at, keyEnd))
    at = skipSpace(json, keyEnd)
    if (json[at] !== colon) return -1
    at = skipSpace(json, at + 1)
    if (isMetadata) return json[at] === openBrace ? at + 1 : -1
    at = skipSpace(json, valueEnd(json, at))
    if (json[at] !== comma) return -1
    at = skipSpace(json, at + 1)
  }
  return -1
}

/** Where the top-level `metadata` object begins and ends, braces included; undefined when there is none. */
export function metadataRange(json: Buffer): readonly [from: number, to: number] | undefined {
  const start = metadataStart(json)
  return start < 0 ? undefined : [start - 1, nestedEnd(json, start - 1)]
}

/** The offset of the first byte at or after `from` that is not white space. */
export function skipSpace(json: Buffer, from: number): number {
  let at = from
  while (at < json.length && (json[at] ?? 0) <= 0x20) at++
  return at
}

/** The offset after the closing quote of the string that starts at `from`. */
function stringEnd(json: Buffer, from: number): number {
  let at = from
  for (;;) {
    at = json.indexOf(quote, at + 1)
    if (at < 0) return json.length
    let escapes = 0
    while (json[at - 1 - escapes] === backslash) escapes++
    if (escapes % 2 === 0) return at + 1
  }
}

/** The offset after the value that starts at `from`. */
function valueEnd(json: Buffer, from: number): number {
  if (json[from] === quote) return stringEnd(json, from)
  if (json[from] === openBrace || json[from] === openBracket) return nestedEnd(json, from)
  let at = from
  while (at < json.length && json[at] !== comma && json[at] !== closeBrace) at++
  return at
}

function nestedEnd(json: Buffer, from: number): number {
  let depth = 0
  let at = from
  do {
    const byte = json[at]
    if (byte === quote) {
      at = stringEnd(json, at)
      continue
    }
    if (byte === openBrace || byte === openBracket) depth++
    else if (byte === closeBrace || byte === closeBracket) depth--
    at++
  } while (depth > 0 && at < json.length)
  return at
}
