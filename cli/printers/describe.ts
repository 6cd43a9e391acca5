import { isJsonObject, type Json, type JsonObject } from '../../crds/meta/json.ts'
import { formatColumns } from './columns.ts'

/** An Event as `describe` shows it. */
export interface EventLine {
  readonly type: string
  readonly reason: string
  readonly age: string
  readonly from: string
  readonly message: string
}

/** What `kubectl describe` prints for a custom resource: the object indented, then its Events. */
export function formatDescription(object: JsonObject, events: readonly EventLine[]): string {
  const { metadata, kind, apiVersion, ...rest } = object
  const meta = isJsonObject(metadata) ? metadata : {}
  const lines = [
    field('Name', meta['name']),
    ...(meta['namespace'] === undefined ? [] : [field('Namespace', meta['namespace'])]),
    field('Labels', formatMap(meta['labels'])),
    field('Annotations', formatMap(meta['annotations'])),
    field('API Version', apiVersion),
    field('Kind', kind),
    'Metadata:',
    ...block(withoutNoise(meta), 1),
  ]
  for (const [key, value] of Object.entries(rest)) {
    if (value === undefined) continue
    if (typeof value === 'object' && value !== null) lines.push(`${title(key)}:`, ...block(value, 1))
    else lines.push(field(title(key), value))
  }
  return `${lines.join('\n')}\n${formatEvents(events)}`
}

function formatEvents(events: readonly EventLine[]): string {
  if (events.length === 0) return 'Events:  <none>\n'
  const rows = [
    ['Type', 'Reason', 'Age', 'From', 'Message'],
    ['----', '------', '----', '----', '-------'],
    ...events.map(({ type, reason, age, from, message }) => [
      type,
      reason,
      age,
      from,
      message.replaceAll(/\p{Cc}/gu, ' '),
    ]),
  ]
  return `Events:\n${formatColumns(rows.map((row) => ['', ...row]))}`
}

const noise = new Set(['managedFields', 'labels', 'annotations', 'name', 'namespace'])

function withoutNoise(meta: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(meta).filter(([key]) => !noise.has(key)))
}

function block(value: Json[] | JsonObject, depth: number): string[] {
  const indent = '  '.repeat(depth)
  if (Array.isArray(value))
    return value.flatMap((item) =>
      typeof item === 'object' && item !== null ? block(item, depth) : [`${indent}${scalar(item)}`],
    )
  return Object.entries(value).flatMap(([key, child]) => {
    if (child === undefined) return []
    if (typeof child !== 'object' || child === null) return [`${indent}${field(title(key), child)}`]
    return [`${indent}${title(key)}:`, ...block(child, depth + 1)]
  })
}

function field(name: string, value: Json | undefined): string {
  return `${`${name}:`.padEnd(14)} ${scalar(value)}`
}

function scalar(value: Json | undefined): string {
  if (value === undefined || value === null || value === '') return '<none>'
  return (typeof value === 'string' ? value : JSON.stringify(value)).replaceAll(/\p{Cc}/gu, ' ')
}

function formatMap(value: Json | undefined): string {
  if (!isJsonObject(value)) return '<none>'
  return Object.entries(value)
    .map(([key, item]) => `${key}=${scalar(item)}`)
    .join(',')
}

/** `creationTimestamp` → `Creation Timestamp`. */
function title(key: string): string {
  const words = key.replaceAll(/([a-z0-9])([A-Z])/g, '$1 $2')
  return words.charAt(0).toUpperCase() + words.slice(1)
}
