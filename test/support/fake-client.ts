import { setImmediate } from 'node:timers/promises'
import {
  type ApiResource,
  type Client,
  type DeleteOptions,
  keyOf,
  type ObjectKey,
  type ObjectList,
  type ListOptions,
  resourceOf,
  type WatchEvent,
  type WatchOptions,
  type WriteOptions,
} from '../../apimachinery/client/client.ts'
import { type Clock, systemClock, timestamp } from '../../apimachinery/clock.ts'
import { applyJsonPatch } from '../../apimachinery/patch/json-patch.ts'
import { applyMergePatch } from '../../apimachinery/patch/merge-patch.ts'
import { alreadyExists, badRequest, invalid, isNotFound, notFound } from '../../apimachinery/status-error.ts'
import { kinds } from '../../crds/kinds.ts'
import type { Json, JsonObject } from '../../crds/meta/json.ts'
import type { KubeObject, Stored } from '../../crds/meta/object-meta.ts'
import { AppliedFields } from './fake-client/applied-fields.ts'
import {
  dependentsOf,
  foregroundFinalizer,
  hasOtherOwner,
  type Located,
  withoutOwner,
} from './fake-client/garbage.ts'
import { checkPreconditions, prepareCreate, prepareUpdate, refOf } from './fake-client/object-rules.ts'
import { type Item, ObjectStore } from './fake-client/object-store.ts'
import { selection } from './fake-client/selection.ts'

export interface FakeCall {
  readonly verb: 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete'
  readonly resource: ApiResource
  /** Undefined for list and watch. */
  readonly key: string | undefined
  readonly subresource: 'status' | undefined
}

export interface FakeClient extends Client {
  /** Stores objects as they are, status and uid included, over what is there; only the resourceVersion is new. */
  seed(...objects: readonly KubeObject[]): void
  /** Calls `see` before each call is carried out; what it throws is what the call fails with. Returns how to end that. */
  onCall(see: (call: FakeCall) => void | Promise<void>): () => void
  /** Forgets history, so that a watch from before fails with `Expired`. */
  expireWatches(): void
  /** Ends every open watch: as a server does, or with an error. */
  breakWatches(error?: Error): void
  /** Lets the store's revision move on without any object changing. */
  skipRevisions(count: number): void
  /** Sends every open watch a bookmark. */
  sendBookmarks(): void
}

/**
 * An API server in memory, without HTTP: it gives uids, versions and generations, keeps `/status` apart, honours
 * finalizers, collects garbage, validates Kvorum's kinds and fills in their defaults. CEL rules are not evaluated,
 * and namespaces need not exist. Held to test/conformance/client-conformance.ts.
 */
export function fakeClient(
  options: { readonly objects?: readonly KubeObject[]; readonly clock?: Clock } = {},
): FakeClient {
  const client = new InMemoryClient(options.clock ?? systemClock)
  client.seed(...(options.objects ?? []))
  return client
}

class InMemoryClient implements FakeClient {
  readonly #store = new ObjectStore()
  readonly #applied = new AppliedFields()
  readonly #seers = new Set<(call: FakeCall) => void | Promise<void>>()
  readonly #resources = new Map<string, ApiResource>()
  readonly #clock: Clock

  constructor(clock: Clock) {
    this.#clock = clock
    for (const kind of kinds) this.#place(resourceOf(kind))
  }

  async get<T extends KubeObject>(resource: ApiResource<T>, key: ObjectKey): Promise<Stored<T>> {
    await this.#see('get', resource, key)
    return copy<T>(this.#current(resource, key))
  }

  async list<T extends KubeObject>(
    resource: ApiResource<T>,
    options: ListOptions = {},
  ): Promise<ObjectList<T>> {
    await this.#see('list', resource)
    const items = this.#store.list(this.#place(resource)).filter(selection(resource, options))
    const sorted = items.toSorted((a, b) => (keyOf(a.metadata) < keyOf(b.metadata) ? -1 : 1))
    return { items: sorted.map((item) => copy<T>(item)), resourceVersion: String(this.#store.revision) }
  }

  async *watch<T extends KubeObject>(
    resource: ApiResource<T>,
    options: WatchOptions,
  ): AsyncGenerator<WatchEvent<T>> {
    await this.#see('watch', resource)
    const matches = selection(resource, options)
    const from = Number(options.resourceVersion)
    this.#store.checkVersion(from)
    options.onOpen?.()
    for await (const event of this.#store.watch(this.#place(resource), from, options.signal)) {
      const before = event.before && matches(event.before) ? event.before : undefined
      const after = event.after && matches(event.after) ? event.after : undefined
      const resourceVersion = String(event.revision)
      if (event.before === undefined && event.after === undefined) yield { type: 'BOOKMARK', resourceVersion }
      // An object that leaves the selection is reported as deleted, in the state that still matched.
      if (after) yield { type: before ? 'MODIFIED' : 'ADDED', object: copy<T>(after) }
      else if (before) yield { type: 'DELETED', object: copy<T>(withVersion(before, resourceVersion)) }
    }
  }

  async create<T extends KubeObject>(
    resource: ApiResource<T>,
    object: T,
    options: WriteOptions = {},
  ): Promise<Stored<T>> {
    await this.#see('create', resource, object.metadata)
    checkScope(resource, object.metadata)
    const item = prepareCreate(resource, copy<T>(object as Stored<T>), this.#clock)
    const place = this.#place(resource)
    const key = keyOf(item.metadata)
    if (this.#store.get(place, key)) throw alreadyExists(refOf(resource), item.metadata.name)
    return copy<T>(options.dryRun ? item : this.#store.put(place, key, item))
  }

  async update<T extends KubeObject>(
    resource: ApiResource<T>,
    object: T,
    options: WriteOptions = {},
  ): Promise<Stored<T>> {
    await this.#see('update', resource, object.metadata, options)
    const current = this.#current(resource, object.metadata)
    if (!object.metadata.resourceVersion) {
      throw invalid(resource, object.metadata.name, [
        {
          reason: 'FieldValueInvalid',
          message: 'Invalid value: 0: must be specified for an update',
          field: 'metadata.resourceVersion',
        },
      ])
    }
    return copy<T>(this.#replace(resource, current, copy<T>(object as Stored<T>), options))
  }

  async patch<T extends KubeObject>(
    resource: ApiResource<T>,
    key: ObjectKey,
    patch: { readonly type: 'merge' | 'json' | 'apply'; readonly body: object; readonly force?: boolean },
    options: WriteOptions = {},
  ): Promise<Stored<T>> {
    await this.#see('patch', resource, key, options)
    const body = JSON.parse(JSON.stringify(patch.body)) as Json
    if (patch.type === 'apply')
      return copy<T>(
        this.#apply(resource, key, { body: body as JsonObject, force: patch.force === true }, options),
      )
    const current = this.#current(resource, key)
    const json = current as unknown as Json
    const next = patch.type === 'merge' ? applyMergePatch(json, body) : applyJsonPatch(json, body)
    return copy<T>(this.#replace(resource, current, next as unknown as KubeObject, options))
  }

  async delete<T extends KubeObject>(
    resource: ApiResource<T>,
    key: ObjectKey,
    options: DeleteOptions = {},
  ): Promise<void> {
    await this.#see('delete', resource, key)
    const item = this.#current(resource, key)
    checkPreconditions(resource, item, options.preconditions ?? {})
    const located = { resource: this.#place(resource), key: keyOf(item.metadata), item }
    if (options.propagationPolicy === 'Orphan') this.#orphanDependents(item.metadata.uid)
    this.#delete(located, options.propagationPolicy === 'Foreground')
  }

  async close(): Promise<void> {
    this.#store.breakWatches()
  }

  seed(...objects: readonly KubeObject[]): void {
    for (const object of objects) {
      const resource = this.#resourceOfKind(object)
      this.#store.put(resource, keyOf(object.metadata), copy(object as Item))
    }
  }

  onCall(see: (call: FakeCall) => void | Promise<void>): () => void {
    this.#seers.add(see)
    return () => void this.#seers.delete(see)
  }

  expireWatches(): void {
    this.#store.skipRevisions(1)
    this.#store.compact()
  }

  breakWatches(error?: Error): void {
    this.#store.breakWatches(error)
  }

  skipRevisions(count: number): void {
    this.#store.skipRevisions(count)
  }

  sendBookmarks(): void {
    this.#store.sendBookmarks()
  }

  async #see(
    verb: FakeCall['verb'],
    resource: ApiResource,
    key?: ObjectKey,
    options?: WriteOptions,
  ): Promise<void> {
    // As over a network, nothing is answered in the turn of the call.
    await setImmediate()
    const call = { verb, resource, key: key && keyOf(key), subresource: options?.subresource }
    for (const see of this.#seers) await see(call)
  }

  #place(resource: ApiResource): string {
    const place = `${resource.group}/${resource.plural}`
    if (!this.#resources.has(place)) this.#resources.set(place, resource)
    return place
  }

  #resourceOfKind({ apiVersion, kind }: KubeObject): string {
    for (const [place, resource] of this.#resources) {
      const version = resource.group === '' ? resource.version : `${resource.group}/${resource.version}`
      if (resource.kind === kind && version === apiVersion) return place
    }
    throw new Error(`seed knows Kvorum's kinds and those used before; create the ${kind} instead`)
  }

  #current(resource: ApiResource, key: ObjectKey): Item {
    checkScope(resource, key)
    const item = this.#store.get(this.#place(resource), keyOf(key))
    if (item === undefined) throw notFound(refOf(resource), key.name)
    return item
  }

  #replace(resource: ApiResource, current: Item, next: KubeObject, options: WriteOptions): Item {
    const item = prepareUpdate(resource, current, next, options.subresource)
    if (item === current || options.dryRun) return item
    const place = this.#place(resource)
    const key = keyOf(item.metadata)
    const gone =
      item.metadata.deletionTimestamp !== undefined && (item.metadata.finalizers ?? []).length === 0
    if (!gone) return this.#store.put(place, key, item)
    this.#remove({ resource: place, key, item })
    return item
  }

  #apply(
    resource: ApiResource,
    key: ObjectKey,
    patch: { readonly body: JsonObject; readonly force: boolean },
    options: WriteOptions,
  ): Item {
    const manager = options.fieldManager
    if (!manager)
      throw badRequest(
        'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch',
      )
    let item: Item
    try {
      const current = this.#current(resource, key)
      const how = { uid: current.metadata.uid, force: patch.force }
      const next = this.#applied.apply(current as unknown as JsonObject, patch.body, manager, how)
      item = this.#replace(resource, current, next as unknown as KubeObject, options)
    } catch (error) {
      if (!isNotFound(error)) throw error
      const fresh = prepareCreate(resource, patch.body as unknown as KubeObject, this.#clock)
      item = options.dryRun ? fresh : this.#store.put(this.#place(resource), keyOf(key), fresh)
    }
    if (!options.dryRun) this.#applied.remember(item.metadata.uid, manager, patch.body)
    return item
  }

  #delete(located: Located, foreground: boolean): void {
    const { resource, key, item } = located
    const dependents = foreground && dependentsOf(this.#store, item.metadata.uid).length > 0
    const finalizers = [...(item.metadata.finalizers ?? []), ...(dependents ? [foregroundFinalizer] : [])]
    if (finalizers.length === 0) return this.#remove(located)
    if (item.metadata.deletionTimestamp === undefined) {
      const { generation } = item.metadata
      const metadata = {
        ...item.metadata,
        finalizers,
        deletionTimestamp: timestamp(this.#clock),
        deletionGracePeriodSeconds: 0,
        ...(generation !== undefined && { generation: generation + 1 }),
      }
      this.#store.put(resource, key, { ...item, metadata })
    }
    if (dependents) this.#collect(item.metadata.uid)
  }

  #remove({ resource, key, item }: Located): void {
    this.#store.remove(resource, key)
    this.#collect(item.metadata.uid)
    for (const { uid } of item.metadata.ownerReferences ?? []) this.#releaseForeground(uid)
  }

  /** Deletes what only the owner `uid` kept. */
  #collect(uid: string): void {
    for (const dependent of dependentsOf(this.#store, uid)) {
      const { resource, key, item } = dependent
      if (hasOtherOwner(this.#store, item, uid)) this.#store.put(resource, key, withoutOwner(item, uid))
      else this.#delete(dependent, false)
    }
  }

  #orphanDependents(uid: string): void {
    for (const { resource, key, item } of dependentsOf(this.#store, uid)) {
      this.#store.put(resource, key, withoutOwner(item, uid))
    }
  }

  #releaseForeground(ownerUid: string): void {
    const owner = [...this.#store.everything()].find(({ item }) => item.metadata.uid === ownerUid)
    if (!owner?.item.metadata.finalizers?.includes(foregroundFinalizer)) return
    if (dependentsOf(this.#store, ownerUid).length > 0) return
    const finalizers = owner.item.metadata.finalizers.filter((one) => one !== foregroundFinalizer)
    const released = { ...owner.item, metadata: { ...owner.item.metadata, finalizers } }
    if (finalizers.length === 0) this.#remove({ ...owner, item: released })
    else this.#store.put(owner.resource, owner.key, released)
  }
}

function checkScope(resource: ApiResource, key: ObjectKey): void {
  if (resource.namespaced && !key.namespace)
    throw badRequest('an empty namespace may not be set when a resource name is provided')
}

function copy<T extends KubeObject>(item: KubeObject): Stored<T> {
  return JSON.parse(JSON.stringify(item)) as Stored<T>
}

function withVersion(item: Item, resourceVersion: string): Item {
  return { ...item, metadata: { ...item.metadata, resourceVersion } }
}
