import { isJsonObject, type Json, type JsonObject } from '../../../crds/meta/json.ts'
import { jsonEqual } from '../../../apimachinery/patch/json-equal.ts'
import { textAt, type KubeObject, type ObjectMeta } from '../kube-object.ts'
import { annotationErrors, labelErrors } from '../object-meta-validation.ts'

/** What is wrong with an answer, in Kubernetes' words and without the prefix that names the webhook. */
export class ConversionFault extends Error {
  override readonly name = 'ConversionFault'
}

const group = 'apiextensions.k8s.io'

/** Review versions that this server speaks, of which a CRD has to list one. */
export const reviewVersions = ['v1', 'v1beta1'] as const
export type ReviewVersion = (typeof reviewVersions)[number]

export interface ConversionRequest {
  readonly uid: string
  readonly desiredAPIVersion: string
  readonly objects: readonly KubeObject[]
}

export function reviewOf(version: ReviewVersion, request: ConversionRequest): object {
  return { kind: 'ConversionReview', apiVersion: `${group}/${version}`, request }
}

/** The objects in a webhook's answer, one per object asked for. Throws ConversionFault. */
export function convertedObjects(review: Json, version: ReviewVersion, uid: string): Json[] {
  const response = isJsonObject(review) ? review['response'] : undefined
  if (version === 'v1') checkKind(review)
  if (!isJsonObject(response)) throw new ConversionFault('no response provided')
  if (version === 'v1' && response['uid'] !== uid) {
    const got = JSON.stringify(textAt(response, 'uid'))
    throw new ConversionFault(`expected response.uid=${JSON.stringify(uid)}, got ${got}`)
  }
  const status = textAt(response, 'result', 'status')
  if (status !== 'Success') {
    const message = textAt(response, 'result', 'message')
    throw new ConversionFault(message || `response.result.status was '${status}', not 'Success'`)
  }
  const converted = response['convertedObjects']
  return Array.isArray(converted) ? converted : []
}

function checkKind(review: Json): void {
  const apiVersion = textAt(review, 'apiVersion')
  const kind = textAt(review, 'kind')
  if (apiVersion === `${group}/v1` && kind === 'ConversionReview') return
  const got = `${apiVersion}, Kind=${kind}`
  throw new ConversionFault(`expected webhook response of ${group}/v1, Kind=ConversionReview, got ${got}`)
}

/** Which object of how many an answer is about. */
export interface Place {
  readonly index: number
  readonly count: number
}

/**
 * The object that was sent with what the webhook made of it. A webhook may change labels and annotations; the rest of
 * the metadata stays as it was. Throws ConversionFault.
 */
export function acceptConverted(
  original: KubeObject,
  converted: Json | undefined,
  desiredAPIVersion: string,
  { index, count }: Place,
): KubeObject {
  const many = count > 1
  const invalidKind = `returned invalid ${many ? 'converted ' : ''}object at index ${index}`
  if (!isJsonObject(converted)) throw new ConversionFault(`${invalidKind}: it is not an object`)
  checkType(original, converted, desiredAPIVersion, invalidKind)
  checkIdentity(original, converted, many ? invalidKind : 'returned invalid object')
  const invalidMeta = `returned invalid metadata${many ? ` in object at index ${index}` : ''}`
  const metadata = restoredMeta(original, converted, invalidMeta)
  return { ...converted, apiVersion: desiredAPIVersion, kind: original.kind, metadata }
}

function checkType(original: KubeObject, converted: JsonObject, expected: string, invalid: string): void {
  const apiVersion = textAt(converted, 'apiVersion')
  const kind = textAt(converted, 'kind')
  if (apiVersion !== expected) {
    throw new ConversionFault(
      `${invalid}: invalid groupVersion (expected ${expected}, received ${apiVersion})`,
    )
  }
  if (kind !== original.kind) {
    throw new ConversionFault(`${invalid}: invalid kind (expected ${original.kind}, received ${kind})`)
  }
}

const identity = { name: 'name', namespace: 'namespace', uid: 'UID' }

function checkIdentity(original: KubeObject, converted: JsonObject, invalid: string): void {
  for (const [field, name] of Object.entries(identity)) {
    const [before, after] = [textAt(original, 'metadata', field), textAt(converted, 'metadata', field)]
    if (before !== after) {
      throw new ConversionFault(`${invalid}: must have the same ${name}: ${before} != ${after}`)
    }
  }
}

function restoredMeta(original: KubeObject, converted: JsonObject, invalid: string): ObjectMeta {
  const given = converted['metadata']
  if (!isJsonObject(given)) throw new ConversionFault(`${invalid}: missing metadata in converted object`)
  const { labels: _labels, annotations: _annotations, ...kept } = original.metadata
  const labels = textMap(given['labels'], 'labels', invalid)
  const annotations = textMap(given['annotations'], 'annotations', invalid)
  const problems = [
    ...(jsonEqual(labels, original.metadata.labels) ? [] : labelErrors({ labels })),
    ...(jsonEqual(annotations, original.metadata.annotations) ? [] : annotationErrors({ annotations })),
  ]
  if (problems.length > 0) {
    const texts = problems.map(({ field, message }) => `${field}: ${message}`)
    throw new ConversionFault(`${invalid}: ${texts.length === 1 ? texts[0] : `[${texts.join(', ')}]`}`)
  }
  return {
    ...kept,
    ...(given['labels'] && { labels }),
    ...(given['annotations'] && { annotations }),
  }
}

function textMap(value: Json | undefined, field: string, invalid: string): Record<string, string> {
  if (value === undefined || value === null) return {}
  if (!isJsonObject(value)) {
    throw new ConversionFault(
      `${invalid}: invalid metadata.${field} of type ${typeof value} in converted object`,
    )
  }
  const texts: Record<string, string> = {}
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== 'string') {
      throw new ConversionFault(
        `${invalid}: metadata.${field}[${key}] must be a string, but is ${typeof text} in converted object`,
      )
    }
    texts[key] = text
  }
  return texts
}
