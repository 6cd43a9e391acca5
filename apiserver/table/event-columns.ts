import { isJsonObject, type Json, type JsonObject } from '../../crds/meta/json.ts'
import { ageOf } from './age.ts'
import { metadataOf, nameDescription, type TableColumn } from './columns.ts'

function column(name: string, description: string, cell: TableColumn['cell'], priority = 0): TableColumn {
  return { definition: { name, type: 'string', format: '', description, priority }, cell }
}

const text = (value: Json | undefined) => (typeof value === 'string' ? value : '')
const part = (object: JsonObject, key: string): JsonObject => (isJsonObject(object[key]) ? object[key] : {})

/** What a core Event and one of `events.k8s.io` call differently. */
const regarding = (event: JsonObject) =>
  isJsonObject(event['regarding']) ? event['regarding'] : part(event, 'involvedObject')
const source = (event: JsonObject) =>
  isJsonObject(event['source']) ? event['source'] : part(event, 'deprecatedSource')
const first = (event: JsonObject) =>
  event['firstTimestamp'] ?? event['deprecatedFirstTimestamp'] ?? event['eventTime']
const series = (event: JsonObject) => (isJsonObject(event['series']) ? event['series'] : undefined)

function lastSeen(event: JsonObject): Json | undefined {
  const repeated = series(event)
  if (repeated !== undefined) return repeated['lastObservedTime']
  return event['lastTimestamp'] ?? event['deprecatedLastTimestamp'] ?? first(event)
}

function target(event: JsonObject): string {
  const { kind, name } = regarding(event)
  return text(name) === '' ? text(kind).toLowerCase() : `${text(kind).toLowerCase()}/${text(name)}`
}

function sourceText(event: JsonObject): string {
  const { component, host } = source(event)
  const reporter = text(component) || text(event['reportingComponent']) || text(event['reportingController'])
  const instance = text(host) || text(event['reportingInstance'])
  return instance === '' ? reporter : `${reporter}, ${instance}`
}

function count(event: JsonObject): number {
  const value = series(event)?.['count'] ?? event['count'] ?? event['deprecatedCount']
  return typeof value === 'number' && value > 0 ? value : 1
}

/** The columns of events, of the core group and of `events.k8s.io`. */
export const eventColumns: readonly TableColumn[] = [
  column('Last Seen', 'When it was seen last.', (event, now) => ageOf(lastSeen(event), now)),
  column('Type', 'Normal or Warning.', (event) => text(event['type'])),
  column('Reason', 'A word for what happened.', (event) => text(event['reason'])),
  column('Object', 'What it is about.', target),
  column(
    'Subobject',
    'The part of the object that it is about.',
    (event) => text(regarding(event)['fieldPath']),
    1,
  ),
  column('Source', 'Who reported it.', sourceText, 1),
  column('Message', 'What happened.', (event) => (text(event['message']) || text(event['note'])).trim()),
  column('First Seen', 'When it was seen first.', (event, now) => ageOf(first(event), now), 1),
  column('Count', 'How often it was seen.', count, 1),
  {
    definition: { name: 'Name', type: 'string', format: 'name', description: nameDescription, priority: 1 },
    cell: (event) => metadataOf(event)['name'] ?? '',
  },
]
