import { isJsonObject } from '../../crds/meta/json.ts'
import type { JsonObject } from '../../crds/meta/json.ts'
import type { CachedObject } from './cache.ts'
import { closeBrace, metadataStart, skipSpace } from './json-scan.ts'

const field = '"resourceVersion":"'

/**
 * The object that `value` holds, with `revision` as its resourceVersion; undefined when the value is not a JSON
 * object with metadata (something else may write to the same store in another encoding).
 */
export function toCachedObject(key: string, value: Buffer, revision: number): CachedObject | undefined {
  const at = metadataStart(value)
  if (at < 0) return undefined
  const json = withField(value, at, revision)
  const object = parse(json)
  const metadata = object?.['metadata']
  if (!object || !isJsonObject(metadata)) return undefined
  // The value had a resourceVersion of its own, which parsing preferred to ours.
  if (metadata['resourceVersion'] !== String(revision)) return rewritten(key, object, revision)
  return { key, object, json, revision }
}

/** The same object under another resourceVersion; `item` is left as it is. */
export function atRevision(item: CachedObject, revision: number): CachedObject {
  const { key, json } = item
  const at = metadataStart(json)
  const old = Buffer.from(`${field}${item.revision}"`)
  if (at < 0 || json.compare(old, 0, old.length, at, at + old.length) !== 0) {
    return rewritten(key, item.object, revision)
  }
  const digits = at + field.length
  const replaced = join([
    json.subarray(0, digits),
    Buffer.from(String(revision)),
    json.subarray(at + old.length - 1),
  ])
  return { key, object: withResourceVersion(item.object, revision), json: replaced, revision }
}

/** Puts the field first in metadata, so that `atRevision` finds it there. */
function withField(value: Buffer, at: number, revision: number): Buffer {
  const isEmpty = value[skipSpace(value, at)] === closeBrace
  return join([
    value.subarray(0, at),
    Buffer.from(`${field}${revision}"${isEmpty ? '' : ','}`),
    value.subarray(at),
  ])
}

function rewritten(key: string, object: JsonObject, revision: number): CachedObject {
  const changed = withResourceVersion(object, revision)
  return { key, object: changed, json: Buffer.from(JSON.stringify(changed)), revision }
}

function withResourceVersion(object: JsonObject, revision: number): JsonObject {
  const metadata = isJsonObject(object['metadata']) ? object['metadata'] : {}
  const { resourceVersion: _, ...rest } = metadata
  return { ...object, metadata: { resourceVersion: String(revision), ...rest } }
}

/** Memory of its own: a slice of a shared pool would keep the whole pool alive with it. */
function join(parts: readonly Buffer[]): Buffer {
  let length = 0
  for (const part of parts) length += part.length
  const joined = Buffer.allocUnsafeSlow(length)
  let at = 0
  for (const part of parts) at += part.copy(joined, at)
  return joined
}

function parse(json: Buffer): JsonObject | undefined {
  try {
    const parsed: unknown = JSON.parse(json.toString())
    return isJsonObject(parsed) ? parsed : undefined
  } catch {
    return undefined
  }
}
