import { jsonEqual } from '../../apimachinery/patch/json-equal.ts'
import { isJsonObject, type Json, type JsonObject } from '../../crds/meta/json.ts'
import type { FieldSet } from './field-set.ts'
import { reconciledWithType } from './field-set-of.ts'
import type { FieldType } from './field-type.ts'
import { fromFieldsV1, toFieldsV1 } from './fields-v1.ts'

export type ManagerOperation = 'Apply' | 'Update'

/** One entry of `metadata.managedFields`. */
export interface ManagerEntry {
  readonly manager: string
  readonly operation: ManagerOperation
  readonly apiVersion: string
  /** '' for the object itself. */
  readonly subresource: string
  /** RFC 3339; undefined when the entry has none. */
  readonly time: string | undefined
  readonly fields: FieldSet
  /** The entry as it was read, to be written back as it was when nothing in it changed. */
  readonly stored: JsonObject | undefined
}

/** Entries by identity: appliers are one manager over all versions, updaters one per version. */
export type Managers = Map<string, ManagerEntry>

/** What identifies an entry. */
export function managerId(
  entry: Pick<ManagerEntry, 'manager' | 'operation' | 'apiVersion' | 'subresource'>,
): string {
  const { manager, operation, apiVersion, subresource } = entry
  const version = operation === 'Apply' ? '' : apiVersion
  return JSON.stringify({
    ...(manager && { manager }),
    operation,
    ...(version && { apiVersion: version }),
    ...(subresource && { subresource }),
  })
}

/** The managed fields of an object, undefined when it has none. */
export function managedFieldsOf(object: JsonObject | undefined): Json | undefined {
  const metadata = object?.['metadata']
  return isJsonObject(metadata) ? metadata['managedFields'] : undefined
}

/** The object without `metadata.managedFields`; itself when it has none. */
export function withoutManagedFields(object: JsonObject): JsonObject {
  const { metadata } = object
  if (!isJsonObject(metadata) || metadata['managedFields'] === undefined) return object
  const { managedFields: _, ...rest } = metadata
  return { ...object, metadata: rest }
}

/** The object with the given managers; itself when it says the same already. */
export function withManagers(object: JsonObject, managers: Managers): JsonObject {
  const encoded = encodeManagers(managers)
  if (encoded.length === 0) return withoutManagedFields(object)
  if (jsonEqual(managedFieldsOf(object), encoded)) return object
  const metadata = isJsonObject(object['metadata']) ? object['metadata'] : {}
  return { ...object, metadata: { ...metadata, managedFields: encoded } }
}

/** Entries of objects in the cache are read again and again: reading them once is enough. */
const readEntries = new WeakMap<JsonObject, { readonly type: FieldType; readonly entry: ManagerEntry }>()

/** Reads `metadata.managedFields`. Throws an Error that says what is wrong with it. */
export function decodeManagers(managedFields: Json | undefined, type: FieldType): Managers {
  const managers: Managers = new Map()
  if (!Array.isArray(managedFields)) return managers
  for (const [index, stored] of managedFields.entries()) {
    if (!isJsonObject(stored)) throw new Error(`managed fields entry ${index} must be an object`)
    const known = readEntries.get(stored)
    const entry = known?.type === type ? known.entry : decodeEntry(stored, index, type)
    if (known?.type !== type) readEntries.set(stored, { type, entry })
    managers.set(managerId(entry), entry)
  }
  return managers
}

function decodeEntry(stored: JsonObject, index: number, type: FieldType): ManagerEntry {
  const text = (key: string) => (typeof stored[key] === 'string' ? stored[key] : '')
  const operation = text('operation')
  if (operation !== 'Apply' && operation !== 'Update')
    throw new Error('operation must be `Apply` or `Update`')
  if (text('apiVersion') === '') throw new Error('apiVersion must not be empty')
  const fieldsType = text('fieldsType')
  if (fieldsType === '') throw new Error(`missing fieldsType in managed fields entry ${index}`)
  if (fieldsType !== 'FieldsV1') {
    throw new Error(`invalid fieldsType ${JSON.stringify(fieldsType)} in managed fields entry ${index}`)
  }
  const read = fromFieldsV1(stored['fieldsV1'])
  const fields = reconciledWithType(read, type)
  return {
    manager: text('manager'),
    operation,
    apiVersion: text('apiVersion'),
    subresource: text('subresource'),
    time: text('time') || undefined,
    fields,
    // What a new schema has changed is not written back as it was.
    stored: fields === read ? stored : undefined,
  }
}

function encodeManagers(managers: Managers): JsonObject[] {
  return [...managers.values()].toSorted(compareEntries).map(encodeEntry)
}

function encodeEntry(entry: ManagerEntry): JsonObject {
  const { manager, operation, apiVersion, subresource, time, fields, stored } = entry
  const unchanged = stored !== undefined && readEntries.get(stored)?.entry
  // Written back as read when it is the same entry, which also keeps what is not known here.
  if (
    unchanged &&
    unchanged.fields === fields &&
    unchanged.time === time &&
    unchanged.apiVersion === apiVersion
  )
    return stored
  return {
    ...(manager && { manager }),
    operation,
    apiVersion,
    ...(time !== undefined && { time }),
    fieldsType: 'FieldsV1',
    fieldsV1: toFieldsV1(fields),
    ...(subresource && { subresource }),
  }
}

function compareEntries(a: ManagerEntry, b: ManagerEntry): number {
  return (
    compareText(a.operation, b.operation) ||
    seconds(a) - seconds(b) ||
    compareText(a.manager, b.manager) ||
    compareText(a.apiVersion, b.apiVersion) ||
    compareText(a.subresource, b.subresource)
  )
}

const seconds = ({ time }: ManagerEntry) =>
  time === undefined ? 0 : Math.floor(Date.parse(time) / 1000) || 0
const compareText = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)

// As many updaters as kube-apiserver keeps apart.
const maxUpdaters = 10

/** Joins the oldest updaters into one entry per version when there are too many of them. */
export function capUpdaters(managers: Managers): void {
  const updaters = [...managers].filter(([, { operation }]) => operation === 'Update')
  let surplus = updaters.length - maxUpdaters
  if (surplus <= 0) return
  updaters.sort(([a, x], [b, y]) => seconds(x) - seconds(y) || compareText(a, b))
  const firsts = new Map<string, string>()
  for (const [id, entry] of updaters) {
    if (surplus <= 0) return
    const first = firsts.get(entry.apiVersion)
    if (first === undefined) {
      firsts.set(entry.apiVersion, id)
      continue
    }
    const bucket: ManagerEntry = { ...entry, manager: 'ancient-changes', subresource: '', stored: undefined }
    const bucketId = managerId(bucket)
    const collected = managers.get(bucketId) ?? managers.get(first)
    managers.delete(first)
    managers.delete(id)
    managers.set(
      bucketId,
      collected === undefined ? bucket : { ...bucket, fields: entry.fields.union(collected.fields) },
    )
    surplus -= 1
  }
}
