import { type ApiResource, type Client, keyOf } from '../../../../apimachinery/client/client.ts'
import { IndexedObjects } from '../../../../apimachinery/client/indexed-objects.ts'
import type { ObjectCache } from '../../../../apimachinery/client/informer.ts'
import * as resources from '../../../../apimachinery/client/resources.ts'
import { isConflict, isNotFound, StatusError } from '../../../../apimachinery/status-error.ts'
import { apiCalls } from '../../../../controllers/api-calls.ts'
import type { Caches } from '../../../../controllers/caches.ts'
import * as indexes from '../../../../controllers/indexes.ts'
import { type Reconcilers, reconcilers } from '../../../../controllers/reconcilers.ts'
import { reconcilePass } from '../../../../controllers/runtime/reconcile-pass.ts'
import type { Outcome, Reconciler } from '../../../../controllers/runtime/reconciler.ts'
import { type SharedState, sharedState } from '../../../../controllers/shared-state.ts'
import type { KubeObject, Stored } from '../../../../crds/meta/object-meta.ts'
import { type ManualClock, manualClock } from '../../../support/clock.ts'
import { type FakeClient, fakeClient } from '../../../support/fake-client.ts'
import { aContext, type RecordedEvent, recordedEvents } from './context.ts'

/**
 * The controllers, driven by hand on an API server in memory: caches are as old as the last `sync`, a pass is made
 * when a test says so, by the runtime's own hand.
 */
export interface World {
  readonly client: FakeClient
  readonly clock: ManualClock
  readonly events: readonly RecordedEvent[]
  /** Brings the caches up to date. */
  sync(): Promise<void>
  /** One pass over one object with the caches as they are; undefined when the object is not there. */
  pass(kind: keyof Reconcilers, key: string): Promise<Outcome | undefined>
  /** Syncs and passes over everything, with `between` after each round, until nothing is written any more. */
  settle(between?: () => Promise<void>): Promise<void>
  /** What the controllers' process knows is lost, as by a crash: the next pass begins with the caches alone. */
  restart(): void
  get<T extends KubeObject>(resource: ApiResource<T>, name: string): Promise<Stored<T>>
  find<T extends KubeObject>(resource: ApiResource<T>, name: string): Promise<Stored<T> | undefined>
}

export function world(...objects: readonly KubeObject[]): World {
  const clock = manualClock()
  const client = fakeClient({ objects, clock })
  const events = recordedEvents()
  const caches = snapshots(client)
  const calls = apiCalls(client)
  const start = () => {
    const state = sharedState(caches.all, clock)
    return { state, reconcilers: reconcilers(caches.all, calls, state) }
  }
  let process = start()
  const feed = placementFeed(caches.all)

  const sync = async () => {
    await caches.refresh()
    feed(process.state)
  }
  const pass = async (kind: keyof Reconcilers, key: string) => {
    const { resource, cache } = driven(caches.all)[kind]
    const stored = (cache as ObjectCache<KubeObject>).get(key)
    if (stored === undefined) return undefined
    const reconciler = process.reconcilers[kind] as Reconciler<KubeObject>
    const { ended } = await reconcilePass(
      { reconciler, resource, client },
      aContext({ clock, events }),
      stored,
    )
    if (ended.next === 'failed') throw ended.error
    if (ended.next === 'conflict') throw new StatusError('Conflict', `${key} was changed`)
    return ended
  }
  const round = async () => {
    for (const kind of order) {
      await sync()
      const { cache } = driven(caches.all)[kind]
      for (const { metadata } of cache.list()) await ignoringConflicts(pass(kind, keyOf(metadata)))
    }
  }
  return {
    client,
    clock,
    events: events.all,
    sync,
    pass,
    async settle(between = async () => {}) {
      for (let rounds = 0; ; rounds++) {
        if (rounds > 60) throw new Error('the world does not settle')
        const before = await revision(client)
        await round()
        await between()
        if ((await revision(client)) === before) return
      }
    },
    restart() {
      process = start()
    },
    get: (resource, name) => client.get(resource, objectKey(resource, name)),
    async find(resource, name) {
      try {
        return await client.get(resource, objectKey(resource, name))
      } catch (error) {
        if (isNotFound(error)) return undefined
        throw error
      }
    },
  }
}

/** Later ones see what earlier ones wrote; any order settles. */
const order: readonly (keyof Reconcilers)[] = [
  'storageDomain',
  'network',
  'host',
  'image',
  'machine',
  'disk',
  'scheduler',
  'hostCluster',
]

function driven(caches: Caches) {
  return {
    machine: { resource: resources.virtualMachines, cache: caches.machines },
    scheduler: { resource: resources.virtualMachineInstances, cache: caches.instances },
    disk: { resource: resources.disks, cache: caches.disks },
    image: { resource: resources.images, cache: caches.images },
    host: { resource: resources.hosts, cache: caches.hosts },
    hostCluster: { resource: resources.hostClusters, cache: caches.hostClusters },
    storageDomain: { resource: resources.storageDomains, cache: caches.storageDomains },
    network: { resource: resources.networks, cache: caches.networks },
  } satisfies Record<keyof Reconcilers, { resource: ApiResource; cache: ObjectCache<KubeObject> }>
}

function objectKey(resource: ApiResource, name: string) {
  return resource.namespaced ? { name, namespace: 'default' } : { name }
}

async function revision(client: Client): Promise<string> {
  return (await client.list(resources.virtualMachines)).resourceVersion
}

export async function ignoringConflicts(work: Promise<unknown>): Promise<void> {
  try {
    await work
  } catch (error) {
    if (!isConflict(error) && !isNotFound(error)) throw error
  }
}

function snapshots(client: Client): { readonly all: Caches; refresh(): Promise<void> } {
  const cache = <T extends KubeObject>(
    resource: ApiResource<T>,
    functions: Readonly<Record<string, (object: Stored<T>) => readonly string[]>> = {},
  ) => new SnapshotCache(client, resource, functions)
  const all = {
    hostClusters: cache(resources.hostClusters),
    hosts: cache(resources.hosts, indexes.hostIndexes),
    storageDomains: cache(resources.storageDomains),
    networks: cache(resources.networks),
    images: cache(resources.images, indexes.imageIndexes),
    disks: cache(resources.disks, indexes.diskIndexes),
    machines: cache(resources.virtualMachines, indexes.machineIndexes),
    instances: cache(resources.virtualMachineInstances, indexes.instanceIndexes),
    leases: cache(resources.leases),
  }
  return {
    all,
    async refresh() {
      for (const one of Object.values(all)) await one.refresh()
    },
  }
}

class SnapshotCache<T extends KubeObject> implements ObjectCache<T> {
  readonly #client: Client
  readonly #resource: ApiResource<T>
  readonly #indexes: Readonly<Record<string, (object: Stored<T>) => readonly string[]>>
  #objects: IndexedObjects<T>

  constructor(
    client: Client,
    resource: ApiResource<T>,
    functions: Readonly<Record<string, (object: Stored<T>) => readonly string[]>>,
  ) {
    this.#client = client
    this.#resource = resource
    this.#indexes = functions
    this.#objects = this.#empty()
  }

  get(key: string): Stored<T> | undefined {
    return this.#objects.get(key)
  }

  list(namespace?: string): readonly Stored<T>[] {
    return this.#objects.list(namespace)
  }

  byIndex(index: string, value: string): readonly Stored<T>[] {
    return this.#objects.byIndex(index, value)
  }

  async refresh(): Promise<void> {
    const next = this.#empty()
    for (const item of (await this.#client.list(this.#resource)).items)
      next.put(keyOf(item.metadata), frozen(item))
    this.#objects = next
  }

  #empty(): IndexedObjects<T> {
    return new IndexedObjects(this.#indexes, (index, error) => {
      throw new Error(`index ${index} failed`, { cause: error })
    })
  }
}

/** Whoever edits a shared object is found out. */
function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    for (const part of Object.values(value)) frozen(part)
  }
  return value
}

/** Feeds the placements as the informer's handler does: with what is there, and what is there no longer. */
function placementFeed(caches: Caches): (state: SharedState) => void {
  let known = new Set<string>()
  return ({ placements }) => {
    const runs = caches.instances.list().map((run) => [keyOf(run.metadata), run] as const)
    for (const [key, run] of runs) placements.observe(key, run)
    const current = new Set(runs.map(([key]) => key))
    for (const key of known.difference(current)) placements.observe(key, undefined)
    known = current
  }
}
