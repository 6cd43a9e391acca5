import type { JsonObject } from '../../crds/meta/json.ts'
import type { CachedObject, CacheEvent } from '../cache/cache.ts'
import type { KubeObject } from '../registry/kube-object.ts'
import type { ResourceDefinition } from '../registry/resource-definition.ts'
import type { Renderer } from './render.ts'

export type EventType = 'ADDED' | 'MODIFIED' | 'DELETED'

const heads: Readonly<Record<EventType, Buffer>> = {
  ADDED: Buffer.from('{"type":"ADDED","object":'),
  MODIFIED: Buffer.from('{"type":"MODIFIED","object":'),
  DELETED: Buffer.from('{"type":"DELETED","object":'),
}
const tail = Buffer.from('}\n')

interface Batch {
  readonly definition: ResourceDefinition
  readonly first: CacheEvent
  readonly count: number
  readonly bytes: Buffer
}

/**
 * What many watchers of a kind are about to be sent alike, put together once. All watchers get the same events in the
 * same turn of the event loop, so nothing is remembered beyond it.
 */
export class SharedLines {
  readonly #lines: Readonly<Record<EventType, Map<CachedObject, Buffer>>> = {
    ADDED: new Map(),
    MODIFIED: new Map(),
    DELETED: new Map(),
  }
  readonly #batches = new Map<CacheEvent, Batch>()
  #forgetting = false

  line(type: EventType, item: CachedObject): Buffer {
    const lines = this.#lines[type]
    let line = lines.get(item)
    if (!line) {
      lines.set(item, (line = plainLine(type, item)))
      this.#forgetSoon()
    }
    return line
  }

  /** The bytes of several events, made by `make` unless another watcher of the same kind has just had them. */
  batch(definition: ResourceDefinition, events: readonly CacheEvent[], make: () => Buffer): Buffer {
    const [first] = events
    const last = events.at(-1)
    if (!first || !last) return Buffer.alloc(0)
    const known = this.#batches.get(last)
    // Events have one order, so that equal ends and an equal number mean equal events.
    if (known?.first === first && known.count === events.length && known.definition === definition) {
      return known.bytes
    }
    const bytes = make()
    this.#batches.set(last, { definition, first, count: events.length, bytes })
    this.#forgetSoon()
    return bytes
  }

  #forgetSoon(): void {
    if (this.#forgetting) return
    this.#forgetting = true
    setImmediate(() => {
      this.#forgetting = false
      this.#batches.clear()
      for (const lines of Object.values(this.#lines)) lines.clear()
    })
  }
}

function plainLine(type: EventType, item: CachedObject): Buffer {
  return Buffer.concat([heads[type], item.json, tail])
}

/** Watch events as lines of JSON in the representation that one watcher asked for. */
export class EventLines {
  readonly #renderer: Renderer
  readonly #shared: SharedLines
  #first = true

  constructor(renderer: Renderer, shared: SharedLines) {
    this.#renderer = renderer
    this.#shared = shared
  }

  line(type: EventType, item: CachedObject): Buffer {
    return this.#renderer.plain ? this.#shared.line(type, item) : this.unshared(type, item)
  }

  /** For the initial objects of a watch, which no other watcher is sent at this time. */
  unshared(type: EventType, item: CachedObject): Buffer {
    if (this.#renderer.plain) return plainLine(type, item)
    return Buffer.concat([heads[type], this.#rendered(item.object as KubeObject), tail])
  }

  bookmark(object: KubeObject): Buffer {
    const json = this.#renderer.plain ? Buffer.from(JSON.stringify(object)) : this.#rendered(object)
    return Buffer.concat([Buffer.from('{"type":"BOOKMARK","object":'), json, tail])
  }

  #rendered(object: KubeObject): Buffer {
    const { object: single } = this.#renderer.single({ object, json: tail })
    const withColumns = this.#first
    this.#first = false
    // Clients keep the columns of the first event.
    const event: JsonObject =
      withColumns || single['kind'] !== 'Table' ? single : { ...single, columnDefinitions: null }
    return Buffer.from(JSON.stringify(event))
  }
}
