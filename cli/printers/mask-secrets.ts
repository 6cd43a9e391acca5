import { isJsonObject, type JsonObject } from '../../crds/meta/json.ts'

const hidden = '***'

/** The same two Secrets, showing which values differ but no value; what is no Secret is left as it is. */
export function maskSecrets(
  before: JsonObject | undefined,
  after: JsonObject | undefined,
): [JsonObject | undefined, JsonObject | undefined] {
  if (!isSecret(before) && !isSecret(after)) return [before, after]
  const old = dataOf(before)
  const now = dataOf(after)
  const differs = (key: string) => Object.hasOwn(old, key) && Object.hasOwn(now, key) && old[key] !== now[key]
  const mask = (data: JsonObject, side: string) =>
    Object.fromEntries(Object.keys(data).map((key) => [key, differs(key) ? `${hidden} (${side})` : hidden]))
  return [withData(before, mask(old, 'before')), withData(after, mask(now, 'after'))]
}

function isSecret(object: JsonObject | undefined): boolean {
  return object?.['kind'] === 'Secret' && object['apiVersion'] === 'v1'
}

function dataOf(object: JsonObject | undefined): JsonObject {
  return isJsonObject(object?.['data']) ? object['data'] : {}
}

function withData(object: JsonObject | undefined, data: JsonObject): JsonObject | undefined {
  if (object === undefined) return undefined
  const masked = Object.keys(data).length === 0 ? object : { ...object, data }
  return withoutLastApplied(masked)
}

const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration'

/** kubectl keeps a copy of the whole manifest, values and all, in an annotation. */
function withoutLastApplied(object: JsonObject): JsonObject {
  const { metadata } = object
  if (!isJsonObject(metadata) || !isJsonObject(metadata['annotations'])) return object
  if (metadata['annotations'][lastApplied] === undefined) return object
  const annotations = { ...metadata['annotations'], [lastApplied]: hidden }
  return { ...object, metadata: { ...metadata, annotations } }
}
