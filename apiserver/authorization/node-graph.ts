import type { Logger } from '../../apimachinery/log.ts'
import type { CachedObject } from '../cache/cache.ts'
import { follow } from '../registry/follow.ts'
import { textAt, type KubeObject } from '../registry/kube-object.ts'
import type { ObjectStore } from '../registry/object-store.ts'
import type { ResourceDefinition } from '../registry/resource-definition.ts'
import type { ResourceMap } from '../registry/resource-map.ts'
import { referencesOf, vertex, type Vertex } from './node-references.ts'

export interface NodeGraphDeps {
  readonly objects: ObjectStore
  readonly resources: ResourceMap
  readonly log: Logger
  /** Ends the subscriptions. */
  readonly signal: AbortSignal
}

const group = 'kvorum.dev'

/** Where an object says which host it is placed on; its daemon selects by the same field. */
export const placements: Readonly<Record<string, readonly [string, string]>> = {
  virtualmachineinstances: ['spec', 'hostName'],
  disks: ['status', 'hostName'],
  images: ['status', 'hostName'],
}

/** Kinds that every host uses, so that what they refer to is every host's to read. */
const everybodys: ReadonlySet<string> = new Set(['storagedomains', 'networks'])
const everyHost = '*'
/** So many objects that are gone are remembered with their host. */
const maxDeparted = 10_000

/**
 * Which objects concern which host, kept from the watch cache: what is placed on it, and what that refers to,
 * directly or through others.
 */
export class NodeGraph {
  readonly #deps: NodeGraphDeps
  readonly #hostOf = new Map<Vertex, string>()
  readonly #references = new Map<Vertex, readonly Vertex[]>()
  readonly #referrers = new Map<Vertex, Set<Vertex>>()
  readonly #departed = new Map<Vertex, string>()
  readonly #followed = new Map<string, { definition: ResourceDefinition; stop: AbortController }>()

  constructor(deps: NodeGraphDeps) {
    this.#deps = deps
  }

  /** Resolves when every kind that is served now is known; kinds that come later are followed too. */
  async start(): Promise<void> {
    const { resources, signal, log } = this.#deps
    const stop = resources.onChange(() => {
      this.#followAll().catch((error: unknown) => {
        if (!signal.aborted) log.error('Following placed objects failed', { error })
      })
    })
    signal.addEventListener('abort', stop, { once: true })
    await this.#followAll()
  }

  /** Whether `object` is placed on `host` or needed by something that is. */
  concerns(host: string, object: Vertex): boolean {
    return this.#reaches(host, object, new Set())
  }

  /** Whether `object` was placed on `host` when it was deleted, not long ago. */
  concernedLately(host: string, object: Vertex): boolean {
    return this.#departed.get(object) === host && !this.#hostOf.has(object)
  }

  /** The same after everything that is stored by now has been seen: what was placed a moment ago is known then. */
  async concernsNow(host: string, object: Vertex, signal: AbortSignal): Promise<boolean> {
    if (this.concerns(host, object)) return true
    const followed = [...this.#followed.values()]
    await Promise.all(
      followed.map(({ definition }) => this.#deps.objects.caughtUp(definition, undefined, signal)),
    )
    return this.concerns(host, object)
  }

  #reaches(host: string, object: Vertex, seen: Set<Vertex>): boolean {
    const placedOn = this.#hostOf.get(object)
    if (placedOn === host || placedOn === everyHost) return true
    seen.add(object)
    for (const referrer of this.#referrers.get(object) ?? []) {
      if (!seen.has(referrer) && this.#reaches(host, referrer, seen)) return true
    }
    return false
  }

  async #followAll(): Promise<void> {
    const wanted = this.#deps.resources
      .distinct()
      .filter((one) => one.group === group && (one.plural in placements || everybodys.has(one.plural)))
    const prefixes = new Set(wanted.map(({ stored }) => stored.prefix))
    for (const [prefix, { definition, stop }] of this.#followed) {
      if (prefixes.has(prefix)) continue
      stop.abort()
      this.#followed.delete(prefix)
      this.#forgetAll(definition.plural)
    }
    const fresh = wanted.filter(({ stored }) => !this.#followed.has(stored.prefix))
    await Promise.all(fresh.map((definition) => this.#follow(definition)))
  }

  async #follow(definition: ResourceDefinition): Promise<void> {
    const { objects, signal } = this.#deps
    const { plural, stored } = definition
    const stop = new AbortController()
    this.#followed.set(stored.prefix, { definition, stop })
    await follow(objects, definition, AbortSignal.any([signal, stop.signal]), {
      onPresent: (items) => {
        this.#forgetAll(plural)
        for (const item of items) this.#set(plural, item)
      },
      onEvents: (events) => {
        for (const { type, item } of events) {
          if (type === 'DELETED') this.#depart(vertexOf(plural, item))
          else this.#set(plural, item)
        }
      },
    })
  }

  #set(plural: string, item: CachedObject): void {
    const object = item.object as KubeObject
    const self = vertexOf(plural, item)
    this.#forget(self)
    const path = placements[plural]
    const host = path === undefined ? everyHost : textAt(object, ...path)
    if (host !== '') this.#hostOf.set(self, host)
    const references = referencesOf(object)
    if (references.length === 0) return
    this.#references.set(self, references)
    for (const reference of references) {
      const known = this.#referrers.get(reference)
      if (known) known.add(self)
      else this.#referrers.set(reference, new Set([self]))
    }
  }

  #depart(self: Vertex): void {
    const host = this.#hostOf.get(self)
    this.#forget(self)
    if (host === undefined) return
    this.#departed.set(self, host)
    const [oldest] = this.#departed.keys()
    if (this.#departed.size > maxDeparted && oldest !== undefined) this.#departed.delete(oldest)
  }

  #forget(self: Vertex): void {
    this.#hostOf.delete(self)
    for (const reference of this.#references.get(self) ?? []) {
      const referrers = this.#referrers.get(reference)
      referrers?.delete(self)
      if (referrers?.size === 0) this.#referrers.delete(reference)
    }
    this.#references.delete(self)
  }

  #forgetAll(plural: string): void {
    const prefix = `${plural}/`
    const known = new Set([...this.#hostOf.keys(), ...this.#references.keys()])
    for (const self of known) if (self.startsWith(prefix)) this.#forget(self)
  }
}

function vertexOf(plural: string, { object }: CachedObject): Vertex {
  const { namespace = '', name = '' } = (object as KubeObject).metadata
  return vertex(plural, namespace, name)
}
