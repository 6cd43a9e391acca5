import type { JsonObject } from '../../../crds/meta/json.ts'
import { at, objectAt, textAt, type KubeObject } from '../kube-object.ts'
import { builtIn } from './built-in.ts'
import { integer, kindSchema, object, objectReference, text, time } from './schema-parts.ts'

/** Events are news, not records: the store forgets them after an hour. */
const ttlSeconds = 3600

const source = (description: string) =>
  object(description, { component: text('The program.'), host: text('The machine it runs on.') })

const series = object('Set when the event keeps happening.', {
  count: integer('How often so far.'),
  lastObservedTime: text('When it happened last.', { format: 'date-time', nullable: true }),
})

const eventTime = text('When it happened.', { format: 'date-time', nullable: true })

const coreFields = (event: KubeObject) => event

/** The fields of an event, under the names of core/v1, that selectors may use; `get` finds them in either version. */
function selectable(view: (event: KubeObject) => KubeObject, involved: string) {
  const fields: Record<string, (event: KubeObject) => string> = {}
  for (const name of ['kind', 'namespace', 'name', 'uid', 'apiVersion', 'resourceVersion', 'fieldPath']) {
    fields[`${involved}.${name}`] = (event) => textAt(view(event), 'involvedObject', name)
  }
  fields['reason'] = (event) => textAt(view(event), 'reason')
  fields['type'] = (event) => textAt(view(event), 'type')
  fields['reportingComponent'] = (event) =>
    textAt(view(event), 'reportingComponent') || textAt(view(event), 'source', 'component')
  fields['source'] = fields['reportingComponent']
  return fields
}

export const coreEvents = builtIn({
  kind: 'Event',
  plural: 'events',
  shortNames: ['ev'],
  namespaced: true,
  schema: kindSchema('A report of something that happened to an object.', {
    involvedObject: objectReference('What it happened to.'),
    reason: text('One CamelCase word for what happened.'),
    message: text('What happened, for people.'),
    source: source('Who reports it.'),
    firstTimestamp: time('When it happened first.'),
    lastTimestamp: time('When it happened last.'),
    count: integer('How often it happened.'),
    type: text('Normal or Warning.'),
    eventTime,
    series,
    action: text('What was done about it.'),
    related: objectReference('Another object that it is about.'),
    reportingComponent: text('The controller that reports it.'),
    reportingInstance: text('The instance of that controller.'),
  }),
  strategy: { allowCreateOnUpdate: true },
  stored: { ttlSeconds },
  selectableFields: selectable(coreFields, 'involvedObject'),
})

/** Names of the fields that the two versions call differently: core/v1 first. */
const renamed = [
  ['involvedObject', 'regarding'],
  ['message', 'note'],
  ['source', 'deprecatedSource'],
  ['firstTimestamp', 'deprecatedFirstTimestamp'],
  ['lastTimestamp', 'deprecatedLastTimestamp'],
  ['count', 'deprecatedCount'],
  ['reportingComponent', 'reportingController'],
] as const

function rename(event: KubeObject, apiVersion: string, toCore: boolean): KubeObject {
  const result: KubeObject = { ...event, apiVersion }
  for (const [core, group] of renamed) {
    const [from, to] = toCore ? [group, core] : [core, group]
    const value = event[from]
    delete result[from]
    if (value !== undefined) result[to] = value
  }
  return result
}

const toCore = (event: KubeObject) => rename(event, 'v1', true)
const toGroup = (event: KubeObject) => rename(event, 'events.k8s.io/v1', false)

const properties: JsonObject = objectAt(coreEvents.openApiSchema, 'properties')

export const groupEvents = builtIn({
  group: 'events.k8s.io',
  kind: 'Event',
  plural: 'events',
  shortNames: ['ev'],
  namespaced: true,
  schema: kindSchema('A report of something that happened to an object.', {
    eventTime,
    series,
    ...Object.fromEntries(renamed.map(([core, group]) => [group, at(properties, core)])),
    reportingInstance: text('The instance of the controller that reports it.'),
    action: text('What was done about it.'),
    reason: text('One CamelCase word for what happened.'),
    related: objectReference('Another object that it is about.'),
    type: text('Normal or Warning.'),
  }),
  strategy: { allowCreateOnUpdate: true },
  stored: { apiVersion: 'v1', ttlSeconds, encode: toCore, decode: toGroup },
  selectableFields: selectable(toCore, 'regarding'),
})
