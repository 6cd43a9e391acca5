import { isJsonObject, type Json } from '../../crds/meta/json.ts'
import { byCodePoint } from './json.ts'

/** A value as Go's `%v` shows it, which is what kubectl prints of values inside columns: `[a b]`, `map[a:1 b:2]`. */
export function goText(value: Json | undefined): string {
  if (value === null || value === undefined) return '<nil>'
  if (Array.isArray(value)) return `[${value.map(goText).join(' ')}]`
  if (!isJsonObject(value)) return String(value)
  const members = Object.keys(value)
    .toSorted(byCodePoint)
    .map((key) => `${key}:${goText(value[key])}`)
  return `map[${members.join(' ')}]`
}

/** What a terminal would obey becomes something that it shows. */
export function harmless(text: string): string {
  return text.replaceAll('\x1b', '^[').replaceAll('\r', '\\r')
}
