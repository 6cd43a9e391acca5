import { isJsonObject, type Json } from '../crds/meta/json.ts'

/** The identity of an object that a server sent: empty strings for what it does not say. */
export interface Identity {
  readonly name: string
  readonly namespace: string
  readonly uid: string
  readonly resourceVersion: string
}

export function identityOf(object: unknown): Identity {
  const metadata = isJsonObject(object) && isJsonObject(object['metadata']) ? object['metadata'] : {}
  return {
    name: text(metadata['name']),
    namespace: text(metadata['namespace']),
    uid: text(metadata['uid']),
    resourceVersion: text(metadata['resourceVersion']),
  }
}

export function text(value: Json | undefined): string {
  return typeof value === 'string' ? value : ''
}
