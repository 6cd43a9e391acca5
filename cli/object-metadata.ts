import { isJsonObject, type Json, type JsonObject } from '../crds/meta/json.ts'

/** The identity of an object that a server sent: empty strings for what it does not say. */
export interface Identity {
  readonly name: string
  readonly namespace: string
  readonly uid: string
  readonly resourceVersion: string
}

export function identityOf(object: unknown): Identity {
  const metadata = metadataOf(object)
  return {
    name: text(metadata['name']),
    namespace: text(metadata['namespace']),
    uid: text(metadata['uid']),
    resourceVersion: text(metadata['resourceVersion']),
  }
}

/** Empty for what is no object. */
export function metadataOf(object: unknown): JsonObject {
  return isJsonObject(object) && isJsonObject(object['metadata']) ? object['metadata'] : {}
}

export function text(value: Json | undefined): string {
  return typeof value === 'string' ? value : ''
}

/** The text members of an object, such as labels; others are left out. */
export function texts(value: Json | undefined): Record<string, string> {
  if (!isJsonObject(value)) return {}
  return Object.fromEntries(
    Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  )
}

/** The same object without `metadata.managedFields`, which only programs read. */
export function withoutManagedFields(object: JsonObject): JsonObject {
  if (!isJsonObject(object['metadata']) || object['metadata']['managedFields'] === undefined) return object
  const { managedFields: _, ...metadata } = object['metadata']
  return { ...object, metadata }
}
