import { isJsonObject, type Json } from '../../crds/meta/json.ts'

/** JSON as kubectl prints it: keys sorted, four spaces, and nothing that a web page would take for markup. */
export function formatJson(value: Json, indent: number = 4): string {
  return JSON.stringify(sorted(value), null, indent).replaceAll(/[<>&\u2028\u2029]/g, escapeUnit)
}

function escapeUnit(char: string): string {
  return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`
}

/** The same value with the keys of every object in the order of their code points. */
export function sorted(value: Json): Json {
  if (Array.isArray(value)) return value.map(sorted)
  if (!isJsonObject(value)) return value
  const result: Record<string, Json> = {}
  for (const key of Object.keys(value).toSorted(byCodePoint)) {
    const member = value[key]
    // A plain assignment would take this one for the prototype.
    if (member !== undefined) Object.defineProperty(result, key, { ...open, value: sorted(member) })
  }
  return result
}

const open = { enumerable: true, configurable: true, writable: true }

export function byCodePoint(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
