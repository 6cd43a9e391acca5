import { isJsonObject, type Json, type JsonObject } from '../../../crds/meta/json.ts'
import { at, listAt, objectAt, stringsAt, textAt } from '../../registry/kube-object.ts'
import type { KubeObject } from '../../registry/kube-object.ts'
import type { ReviewVersion } from './compiled-webhook.ts'

/** The body of a call. */
export function reviewOf(
  uid: string,
  version: ReviewVersion,
  fields: JsonObject,
  { object, current }: { object: KubeObject | undefined; current: KubeObject | undefined },
): JsonObject {
  return {
    kind: 'AdmissionReview',
    apiVersion: `admission.k8s.io/${version}`,
    request: { uid, ...fields, object: object ?? null, oldObject: current ?? null },
  }
}

/** What a webhook decided. */
export interface ReviewResult {
  readonly allowed: boolean
  /** The `Status` that explains a refusal. */
  readonly status: JsonObject | undefined
  /** A JSON patch as text; empty for none. */
  readonly patch: string
  readonly patchType: string
  readonly warnings: readonly string[]
  readonly annotations: Readonly<Record<string, string>>
}

/** An answer that is no valid review; the message says why. */
export class InvalidReview extends Error {
  override readonly name = 'InvalidReview'
}

interface Expected {
  readonly uid: string
  readonly version: ReviewVersion
  readonly mutating: boolean
}

/** Checks an answer as Kubernetes does. Throws InvalidReview. */
export function readReview(answer: Json, expected: Expected): ReviewResult {
  const response = at(answer, 'response')
  if (!isJsonObject(response)) throw new InvalidReview('webhook response was absent')
  if (expected.version === 'v1') checkEnvelope(answer, response, expected)
  const patch = textAt(response, 'patch')
  const patchType = at(response, 'patchType')
  if (expected.version === 'v1') checkPatch(patch, patchType, expected.mutating)
  return {
    allowed: response['allowed'] === true,
    status: isJsonObject(response['status']) ? response['status'] : undefined,
    patch: expected.mutating ? Buffer.from(patch, 'base64').toString('utf8') : '',
    patchType: typeof patchType === 'string' ? patchType : patch === '' ? '' : 'JSONPatch',
    warnings: stringsAt(response, 'warnings'),
    annotations: textsOf(objectAt(response, 'auditAnnotations')),
  }
}

function checkEnvelope(answer: Json, response: JsonObject, { uid, version }: Expected): void {
  const answered = textAt(response, 'uid')
  if (answered !== uid) {
    throw new InvalidReview(`expected response.uid=${JSON.stringify(uid)}, got ${JSON.stringify(answered)}`)
  }
  const wanted = `admission.k8s.io/${version}, Kind=AdmissionReview`
  const got = `${textAt(answer, 'apiVersion')}, Kind=${textAt(answer, 'kind')}`
  if (got !== wanted) throw new InvalidReview(`expected webhook response of ${wanted}, got ${got}`)
}

function checkPatch(patch: string, patchType: Json | undefined, mutating: boolean): void {
  const typed = patchType !== undefined && patchType !== null
  if (!mutating) {
    if (patch !== '') throw new InvalidReview('validating webhook may not return response.patch')
    if (typed) throw new InvalidReview('validating webhook may not return response.patchType')
    return
  }
  if (patch !== '' && !typed) {
    throw new InvalidReview('webhook returned response.patch but not response.patchType')
  }
  if (patch === '' && typed) {
    throw new InvalidReview('webhook returned response.patchType but not response.patch')
  }
  if (patchType === '') throw new InvalidReview('webhook returned invalid response.patchType of ""')
}

function textsOf(values: JsonObject): Record<string, string> {
  const entries = Object.entries(values).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string',
  )
  return Object.fromEntries(entries)
}

/** The causes of a Status from outside, as far as they are well-formed. */
export function causesOf(
  status: JsonObject | undefined,
): { reason?: string; message?: string; field?: string }[] {
  return listAt(status, 'details', 'causes').map((cause) => ({
    ...(textAt(cause, 'reason') && { reason: textAt(cause, 'reason') }),
    ...(textAt(cause, 'message') && { message: textAt(cause, 'message') }),
    ...(textAt(cause, 'field') && { field: textAt(cause, 'field') }),
  }))
}
