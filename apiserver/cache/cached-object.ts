import { isJsonObject } from '../../crds/meta/json.ts'
import type { JsonObject } from '../../crds/meta/json.ts'
import type { StoredItem } from '../storage/storage.ts'
import type { CachedObject } from './cache.ts'
import { closeBrace, metadataStart, skipSpace } from './json-scan.ts'
import type { Parsed, ParsedObjects } from './parsed-objects.ts'

const field = '"resourceVersion":"'

/** An object whose JSON is kept, and parsed again whenever somebody looks inside. */
class StoredObject implements CachedObject, Parsed {
  readonly key: string
  readonly json: Buffer
  readonly revision: number
  readonly metadata: JsonObject
  readonly #parsed: ParsedObjects
  #object: JsonObject | undefined

  constructor({ key, json, revision, object }: Omit<CachedObject, 'metadata'>, parsed: ParsedObjects) {
    this.key = key
    this.json = json
    this.revision = revision
    this.metadata = briefMetadata(object)
    this.#parsed = parsed
    this.#object = object
    parsed.hold(this)
  }

  get object(): JsonObject {
    const known = this.#object
    if (known) return known
    const object = parse(this.json) ?? {}
    this.#object = object
    this.#parsed.hold(this)
    return object
  }

  get size(): number {
    return this.json.length
  }

  forget(): void {
    this.#object = undefined
  }
}

/** An object that is held in parsed form as it is: a view of a cached one, or one from history. */
export function cachedView(item: Omit<CachedObject, 'metadata'>): CachedObject {
  const { key, object, json, revision } = item
  return { key, object, json, revision, metadata: briefMetadata(object) }
}

/** Metadata without what is large and seldom looked at. */
function briefMetadata(object: JsonObject): JsonObject {
  const metadata = isJsonObject(object['metadata']) ? object['metadata'] : {}
  const { managedFields: _fields, annotations: _annotations, ...brief } = metadata
  return brief
}

/**
 * The object that `value` holds, with `revision` as its resourceVersion; undefined when the value is not a JSON
 * object with metadata (something else may write to the same store in another encoding).
 */
export function toCachedObject(
  { key, value, revision }: StoredItem,
  parsed: ParsedObjects,
): CachedObject | undefined {
  const at = metadataStart(value)
  if (at < 0) return undefined
  const json = withField(value, at, revision)
  const object = parse(json)
  const metadata = object?.['metadata']
  if (!object || !isJsonObject(metadata)) return undefined
  // The value had a resourceVersion of its own, which parsing preferred to ours.
  if (metadata['resourceVersion'] !== String(revision)) return rewritten({ key, object, revision }, parsed)
  return new StoredObject({ key, object, json, revision }, parsed)
}

/** The same object under another resourceVersion; `item` is left as it is. */
export function atRevision(item: CachedObject, revision: number, parsed: ParsedObjects): CachedObject {
  const { key, json } = item
  const at = metadataStart(json)
  const old = Buffer.from(`${field}${item.revision}"`)
  if (at < 0 || json.compare(old, 0, old.length, at, at + old.length) !== 0) {
    return rewritten({ key, object: item.object, revision }, parsed)
  }
  const digits = at + field.length
  const replaced = join([
    json.subarray(0, digits),
    Buffer.from(String(revision)),
    json.subarray(at + old.length - 1),
  ])
  const object = withResourceVersion(item.object, revision)
  return new StoredObject({ key, object, json: replaced, revision }, parsed)
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

function rewritten(
  { key, object, revision }: Pick<CachedObject, 'key' | 'object' | 'revision'>,
  parsed: ParsedObjects,
): CachedObject {
  const changed = withResourceVersion(object, revision)
  const json = join([Buffer.from(JSON.stringify(changed))])
  return new StoredObject({ key, object: changed, json, revision }, parsed)
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
