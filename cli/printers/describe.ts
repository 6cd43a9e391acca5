import { isJsonObject, type Json, type JsonObject } from '../../crds/meta/json.ts'
import { metadataOf, text, texts } from '../object-metadata.ts'
import { annotationLines, labelLines } from './describe-metadata.ts'
import { type EventLine, formatEvents } from './event-lines.ts'
import { goText, harmless } from './go-text.ts'
import { byCodePoint } from './json.ts'
import { describeBuiltIn } from './describe-built-in.ts'
import { alignTabs, descriptionTabs } from './tab-writer.ts'

/** What `kubectl describe` prints: built-in kinds in words of their own, others field by field, then the Events. */
export function formatDescription(object: JsonObject, events: readonly EventLine[]): string {
  const lines = describeBuiltIn(object, events) ?? describeAny(object, events)
  return alignTabs(harmless(lines.join('')), descriptionTabs)
}

const skipped = new Set([
  '.metadata.managedFields',
  '.metadata.name',
  '.metadata.namespace',
  '.metadata.labels',
  '.metadata.annotations',
])

function describeAny(object: JsonObject, events: readonly EventLine[]): string[] {
  const metadata = metadataOf(object)
  return [
    `Name:\t${text(metadata['name'])}\n`,
    `Namespace:\t${text(metadata['namespace'])}\n`,
    labelLines('Labels', texts(metadata['labels'])),
    annotationLines(texts(metadata['annotations'])),
    fieldLines(object, 0, ''),
    formatEvents(events),
  ]
}

function fieldLines(object: JsonObject, level: number, path: string): string {
  const indent = '  '.repeat(level)
  return Object.keys(object)
    .toSorted(byCodePoint)
    .map((field) => {
      const value = object[field]
      const here = `${path}.${field}`
      if (value === undefined || skipped.has(here)) return ''
      if (typeof value !== 'object' || value === null) return `${indent}${title(field)}:\t${goText(value)}\n`
      return `${indent}${title(field)}:\n${below(value, level + 1, here)}`
    })
    .join('')
}

function below(value: Json[] | JsonObject, level: number, path: string): string {
  if (!Array.isArray(value)) return fieldLines(value, level, path)
  const indent = '  '.repeat(level)
  return value
    .map((item) => (isJsonObject(item) ? fieldLines(item, level, path) : `${indent}${goText(item)}\n`))
    .join('')
}

const acronyms = new Set(['API', 'URL', 'UID', 'OSB', 'GUID'])

/** `creationTimestamp` → `Creation Timestamp`; what is no plain word stays as it is. */
function title(field: string): string {
  if (/[^\p{L}-]/u.test(field)) return field
  // A capital begins a word, except that a run of them is one, up to the last before a small letter.
  const words = field.match(/\p{Lu}+(?!\p{Ll})|\p{Lu}?\p{Ll}+|\p{Lu}|-/gu) ?? [field]
  return words.map(titleWord).join(' ')
}

function titleWord(word: string): string {
  const upper = word.toUpperCase()
  return acronyms.has(upper) ? upper : word.charAt(0).toUpperCase() + word.slice(1)
}
