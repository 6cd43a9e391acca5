import { alreadyExists, conflict, expired, StatusError } from '../../apimachinery/status-error.ts'
import { jsonEqual } from '../../apimachinery/patch/json-equal.ts'
import type { CachedObject, ResourceCache, WatchCache } from '../cache/cache.ts'
import { cachedView } from '../cache/cached-object.ts'
import { isSealed } from '../storage/sealed-value.ts'
import { isStorageError, StorageError, type Storage, type StoredItem } from '../storage/storage.ts'
import type { KubeObject } from './kube-object.ts'
import type { ResourceDefinition } from './resource-definition.ts'
import { convertAhead, served } from './served-views.ts'

/** What shall become of an object, decided by looking at its present state. */
export type Change =
  | { readonly type: 'write'; readonly object: KubeObject }
  /** `object` is the last state, which the answer shows. */
  | { readonly type: 'remove'; readonly object: KubeObject }

export interface Changed {
  readonly object: KubeObject
  readonly outcome: 'created' | 'updated' | 'unchanged' | 'removed'
}

export interface WriteContext {
  readonly signal: AbortSignal
  readonly dryRun: boolean
}

/** Decides on a state that may be slightly old; it is asked again with a newer one when that matters. */
export type Decide = (current: KubeObject | undefined) => Change | Promise<Change>

interface State {
  readonly object: KubeObject | undefined
  readonly revision: number
  /** Read from the store just now rather than from the cache. */
  readonly fresh: boolean
  /** Stored in a version that is stored no more: a write that changes nothing brings it up to date. */
  readonly outdated: boolean
}

const maxAttempts = 32

/**
 * Objects in the version a definition serves, over the store and its cache: encodes, decodes, compares and swaps.
 * Translates every StorageError into the Status a client expects.
 */
export class ObjectStore {
  readonly #storage: Storage
  readonly #caches: WatchCache
  readonly #open = new Map<string, ResourceCache>()

  constructor(storage: Storage, caches: WatchCache) {
    this.#storage = storage
    this.#caches = caches
  }

  async cache({ stored }: ResourceDefinition, signal: AbortSignal): Promise<ResourceCache> {
    const known = this.#open.get(stored.prefix)
    if (known) return known
    const opened = await this.#caches.open(stored.prefix, signal)
    this.#open.set(stored.prefix, opened)
    return opened
  }

  isCached({ stored }: ResourceDefinition): boolean {
    return this.#open.has(stored.prefix)
  }

  /** The next reader opens the cache anew, which waits until it is whole again. */
  forget({ stored }: ResourceDefinition): void {
    this.#open.delete(stored.prefix)
  }

  /** Stops caching a resource that is served no more. */
  drop(prefix: string): void {
    this.#open.delete(prefix)
    this.#caches.drop(prefix)
  }

  /** The cache after it has caught up with the store, or with `revision` when one is given. */
  async caughtUp(
    definition: ResourceDefinition,
    revision: number | undefined,
    signal: AbortSignal,
  ): Promise<ResourceCache> {
    const cache = await this.cache(definition, signal)
    try {
      await cache.waitFor(revision ?? (await this.#caches.consistentRevision(signal)), signal)
    } catch (error) {
      throw toStatus(error)
    }
    return cache
  }

  /** The object as it is now, in its served form. */
  async read(
    definition: ResourceDefinition,
    key: string,
    revision: number | undefined,
    signal: AbortSignal,
  ): Promise<CachedObject | undefined> {
    const cache = await this.caughtUp(definition, revision, signal)
    const item = cache.get(key)
    if (!item && cache.sealed.has(key)) throw toStatus(sealedError(key))
    return item && (await viewNow(definition, item, signal))
  }

  /** Reads again what could not be decrypted; called when there may be keys for it now. */
  rereadSealed(): void {
    for (const [prefix, { sealed }] of this.#open) {
      if (sealed.size === 0) continue
      this.#caches.drop(prefix)
      this.#open.delete(prefix)
    }
  }

  /** A page of history. Throws Expired when `revision` is compacted. */
  async page(
    definition: ResourceDefinition,
    prefix: string,
    options: { revision: number; limit: number; startAfter?: string; signal: AbortSignal },
  ): Promise<{ items: CachedObject[]; revision: number; remaining: number }> {
    try {
      const page = await this.#storage.list(prefix, options)
      const stored = page.items.map(cachedForm)
      await convertAhead(definition, stored, options.signal)
      const items = stored.map((item) => served(definition, item))
      return { items, revision: page.revision, remaining: page.remaining }
    } catch (error) {
      throw toStatus(error)
    }
  }

  async create(
    definition: ResourceDefinition,
    key: string,
    object: KubeObject,
    { dryRun, signal }: WriteContext,
  ): Promise<KubeObject> {
    const ref = { group: definition.group, resource: definition.plural }
    const name = object.metadata.name ?? ''
    try {
      if (dryRun) {
        const { item } = await this.#storage.get(key, { signal })
        if (item) throw alreadyExists(ref, name)
        return object
      }
      const value = await encode(definition, object)
      const { revision } = await this.#storage.create(key, value, { signal, ...ttl(definition) })
      return withRevision(object, revision)
    } catch (error) {
      if (isStorageError(error, 'key-exists')) throw alreadyExists(ref, name)
      throw toStatus(error)
    }
  }

  /** Reads, decides and writes until nobody else wrote in between. Writes nothing when nothing would change. */
  async change(
    definition: ResourceDefinition,
    key: string,
    decide: Decide,
    context: WriteContext,
  ): Promise<Changed> {
    let state = await this.#currentState(definition, key, context.signal)
    for (let attempt = 0; attempt < maxAttempts; attempt++) {
      const result = await this.#attempt(definition, { key, decide, state }, context)
      if ('outcome' in result) return result
      state = result
    }
    const name = state.object?.metadata.name ?? key
    throw conflict({ group: definition.group, resource: definition.plural }, name, modifiedText)
  }

  /** One round of deciding and writing: the result, or a newer state to decide on again. */
  async #attempt(
    definition: ResourceDefinition,
    { key, decide, state }: { key: string; decide: Decide; state: State },
    context: WriteContext,
  ): Promise<Changed | State> {
    let change: Change
    try {
      change = await decide(state.object)
    } catch (error) {
      // The cache may be behind; a refusal must rest on what is really there.
      const newer = await this.#newerThan(definition, { key, state }, context.signal)
      if (newer) return newer
      throw error
    }
    const unchanged = change.type === 'write' && state.object && sameContent(change.object, state.object)
    if (!unchanged || !state.object || state.outdated)
      return await this.#write(definition, { key, change, state }, context)
    const newer = await this.#newerThan(definition, { key, state }, context.signal)
    return newer ?? { object: state.object, outcome: 'unchanged' }
  }

  /** What is stored, when that is not the state that was read from the cache. */
  async #newerThan(
    definition: ResourceDefinition,
    { key, state }: { key: string; state: State },
    signal: AbortSignal,
  ): Promise<State | undefined> {
    if (state.fresh) return undefined
    const latest = await this.#stored(definition, key, signal)
    return latest.revision === state.revision && !latest.outdated ? undefined : latest
  }

  /** The result, or the newer state that made it fail. */
  async #write(
    definition: ResourceDefinition,
    { key, change, state }: { key: string; change: Change; state: State },
    { signal, dryRun }: WriteContext,
  ): Promise<Changed | State> {
    const created = state.object === undefined
    const outcome = change.type === 'remove' ? 'removed' : created ? 'created' : 'updated'
    if (dryRun) return { object: change.object, outcome }
    try {
      if (change.type === 'remove') {
        const revision = await this.#storage.delete(key, state.revision, signal)
        return { object: withRevision(change.object, revision), outcome }
      }
      const value = await encode(definition, change.object)
      const options = { signal, ...ttl(definition) }
      const { revision } = created
        ? await this.#storage.create(key, value, options)
        : await this.#storage.update(key, value, state.revision, options)
      return { object: withRevision(change.object, revision), outcome }
    } catch (error) {
      if (isStorageError(error, 'key-exists') || isStorageError(error, 'revision-conflict')) {
        return await this.#stored(definition, key, signal)
      }
      throw toStatus(error)
    }
  }

  async #currentState(definition: ResourceDefinition, key: string, signal: AbortSignal): Promise<State> {
    const cache = await this.cache(definition, signal)
    const item = cache.get(key)
    if (!item) return await this.#stored(definition, key, signal)
    return await stateOf(definition, item, { fresh: false, signal })
  }

  async #stored(definition: ResourceDefinition, key: string, signal: AbortSignal): Promise<State> {
    try {
      const { item } = await this.#storage.get(key, { signal })
      if (!item) return { object: undefined, revision: 0, fresh: true, outdated: false }
      const state = await stateOf(definition, cachedForm(item), { fresh: true, signal })
      return item.stale ? { ...state, outdated: true } : state
    } catch (error) {
      throw toStatus(error)
    }
  }
}

export const modifiedText =
  'the object has been modified; please apply your changes to the latest version and try again'

async function stateOf(
  definition: ResourceDefinition,
  item: CachedObject,
  { fresh, signal }: { fresh: boolean; signal: AbortSignal },
): Promise<State> {
  const { object } = await viewNow(definition, item, signal)
  const outdated = definition.custom && item.object['apiVersion'] !== definition.stored.apiVersion
  return { object: object as KubeObject, revision: item.revision, fresh, outdated }
}

async function viewNow(
  definition: ResourceDefinition,
  item: CachedObject,
  signal: AbortSignal,
): Promise<CachedObject> {
  if (definition.stored.conversion) await convertAhead(definition, [item], signal)
  return served(definition, item)
}

async function encode({ stored }: ResourceDefinition, object: KubeObject): Promise<Buffer> {
  const form = stored.conversion
    ? await stored.conversion.toStored(object)
    : (stored.encode?.(object) ?? object)
  const { resourceVersion: _, ...metadata } = form.metadata
  return Buffer.from(JSON.stringify({ ...form, metadata }))
}

function ttl({ stored }: ResourceDefinition): { ttlSeconds?: number } {
  return stored.ttlSeconds === undefined ? {} : { ttlSeconds: stored.ttlSeconds }
}

function cachedForm({ key, value, revision }: StoredItem): CachedObject {
  if (isSealed(value)) throw sealedError(key)
  const object = withRevision(JSON.parse(value.toString()) as KubeObject, revision)
  return cachedView({ key, object, json: Buffer.from(JSON.stringify(object)), revision })
}

function withRevision(object: KubeObject, revision: number): KubeObject {
  return { ...object, metadata: { ...object.metadata, resourceVersion: String(revision) } }
}

/** Equal but for the resourceVersion, and for the times in managedFields when those are all that differ. */
function sameContent(next: KubeObject, current: KubeObject): boolean {
  return jsonEqual(comparable(next), comparable(current))
}

function comparable(object: KubeObject): KubeObject {
  const { resourceVersion: _, managedFields, ...metadata } = object.metadata
  if (managedFields) metadata.managedFields = managedFields.map(({ time: _time, ...entry }) => entry)
  return { ...object, metadata }
}

/** Throws InternalError when something under `prefix` exists that cannot be shown. */
export function refuseSealed({ sealed }: ResourceCache, prefix: string): void {
  for (const key of sealed) if (key.startsWith(prefix)) throw toStatus(sealedError(key))
}

function sealedError(key: string): StorageError {
  return new StorageError(
    'unreadable',
    `unable to transform key ${JSON.stringify(key)}: it is encrypted with a key that this server does not have`,
  )
}

function toStatus(error: unknown): unknown {
  if (!(error instanceof StorageError)) return error
  switch (error.code) {
    case 'compacted':
      return expired('The resourceVersion for the provided list is too old.')
    case 'future-revision':
      return tooLargeVersion(error.message)
    case 'too-large':
      return new StatusError('RequestEntityTooLarge', 'etcdserver: request is too large', { cause: error })
    case 'unavailable':
      return new StatusError('ServiceUnavailable', 'the store cannot be reached; try again', {
        details: { retryAfterSeconds: 1 },
        cause: error,
      })
    case 'unreadable':
      return new StatusError('InternalError', `Internal error occurred: ${error.message}`, { cause: error })
    case 'key-exists':
    case 'revision-conflict':
      return new StatusError('Conflict', modifiedText, { cause: error })
  }
}

/** The answer to a resourceVersion that the store has not reached. */
export function tooLargeVersion(message: string): StatusError {
  return new StatusError('Timeout', message, {
    details: {
      causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
      retryAfterSeconds: 1,
    },
  })
}
