import { isJsonObject, type JsonObject } from '../../crds/meta/json.ts'
import { compareObjects } from './compare.ts'
import { FieldSet } from './field-set.ts'
import { fieldSetOf } from './field-set-of.ts'
import type { FieldType } from './field-type.ts'

/** Where client-side `kubectl apply` keeps what it applied last. */
export const lastAppliedAnnotation = 'kubectl.kubernetes.io/last-applied-configuration'

// Kubernetes' limit for all annotations together.
const maxAnnotationBytes = 256 * 1024

function annotationsOf(object: JsonObject): JsonObject {
  const metadata = isJsonObject(object['metadata']) ? object['metadata'] : {}
  return isJsonObject(metadata['annotations']) ? metadata['annotations'] : {}
}

/**
 * What client-side apply owns of a live object: what it applied last and nobody has changed since. Taking this over
 * is no conflict for kubectl's server-side apply. Empty when the object was not applied that way.
 */
export function clientSideApplied(type: FieldType, live: JsonObject): FieldSet {
  const text = annotationsOf(live)[lastAppliedAnnotation]
  if (typeof text !== 'string' || text === '') return FieldSet.empty
  const applied = parseObject(text)
  if (applied === undefined || applied['apiVersion'] !== live['apiVersion']) return FieldSet.empty
  const { added, modified, removed } = compareObjects(type, applied, live)
  return fieldSetOf(type, applied).difference(modified).difference(added).difference(removed)
}

function parseObject(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isJsonObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** Brings the annotation, where there is one, up to date with what kubectl has applied on the server now. */
export function withLastApplied(object: JsonObject, applied: JsonObject): JsonObject {
  const current = annotationsOf(object)[lastAppliedAnnotation]
  if (typeof current !== 'string' || current === '') return object
  const text = `${JSON.stringify(withoutAnnotation(applied))}\n`
  if (text === current) return object
  const annotations: JsonObject = { ...annotationsOf(object), [lastAppliedAnnotation]: text }
  if (Buffer.byteLength(JSON.stringify(annotations)) > maxAnnotationBytes)
    delete annotations[lastAppliedAnnotation]
  const metadata = isJsonObject(object['metadata']) ? object['metadata'] : {}
  return { ...object, metadata: { ...metadata, annotations } }
}

function withoutAnnotation(object: JsonObject): JsonObject {
  const { [lastAppliedAnnotation]: removed, ...annotations } = annotationsOf(object)
  if (removed === undefined || !isJsonObject(object['metadata'])) return object
  return { ...object, metadata: { ...object['metadata'], annotations } }
}
