import { isJsonObject, type Json, type JsonObject } from '../../crds/meta/json.ts'

/** `metav1.ObjectMeta` as the server works on it: JSON whose known fields have been checked by `validateMeta`. */
export interface ObjectMeta extends JsonObject {
  name?: string
  generateName?: string
  namespace?: string
  uid?: string
  resourceVersion?: string
  generation?: number
  creationTimestamp?: string
  deletionTimestamp?: string
  deletionGracePeriodSeconds?: number
  labels?: Record<string, string>
  annotations?: Record<string, string>
  ownerReferences?: OwnerReference[]
  finalizers?: string[]
  managedFields?: ManagedFieldsEntry[]
}

export interface OwnerReference extends JsonObject {
  apiVersion: string
  kind: string
  name: string
  uid: string
  controller?: boolean
  blockOwnerDeletion?: boolean
}

export interface ManagedFieldsEntry extends JsonObject {
  manager?: string
  operation?: string
  apiVersion?: string
  time?: string
  fieldsType?: string
  fieldsV1?: JsonObject
  subresource?: string
}

/** Any object of the API. */
export interface KubeObject extends JsonObject {
  apiVersion: string
  kind: string
  metadata: ObjectMeta
}

/** The object with `metadata` replaced by a copy that may be changed; everything else is shared. */
export function withOwnMeta(object: KubeObject): KubeObject {
  return { ...object, metadata: { ...object.metadata } }
}

/** A nested value by path, undefined where the path leaves the objects. */
export function at(object: Json | undefined, ...path: readonly string[]): Json | undefined {
  let value = object
  for (const name of path) {
    if (!isJsonObject(value)) return undefined
    value = value[name]
  }
  return value
}

/** A nested string, empty when it is not there. */
export function textAt(object: Json | undefined, ...path: readonly string[]): string {
  const value = at(object, ...path)
  return typeof value === 'string' ? value : ''
}

export function objectAt(object: Json | undefined, ...path: readonly string[]): JsonObject {
  const value = at(object, ...path)
  return isJsonObject(value) ? value : {}
}

export function listAt(object: Json | undefined, ...path: readonly string[]): Json[] {
  const value = at(object, ...path)
  return Array.isArray(value) ? value : []
}

export function objectsAt(object: Json | undefined, ...path: readonly string[]): JsonObject[] {
  return listAt(object, ...path).filter(isJsonObject)
}

export function stringsAt(object: Json | undefined, ...path: readonly string[]): string[] {
  return listAt(object, ...path).filter((value) => typeof value === 'string')
}
