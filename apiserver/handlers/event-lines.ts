import type { JsonObject } from '../../crds/meta/json.ts'
import type { CachedObject } from '../cache/cache.ts'
import type { KubeObject } from '../registry/kube-object.ts'
import type { Renderer } from './render.ts'

type EventType = 'ADDED' | 'MODIFIED' | 'DELETED'

/** Lines of plain watches, shared by all watchers: each event is put together once. */
const shared: Readonly<Record<EventType, WeakMap<CachedObject, Buffer>>> = {
  ADDED: new WeakMap(),
  MODIFIED: new WeakMap(),
  DELETED: new WeakMap(),
}

const heads: Readonly<Record<EventType, Buffer>> = {
  ADDED: Buffer.from('{"type":"ADDED","object":'),
  MODIFIED: Buffer.from('{"type":"MODIFIED","object":'),
  DELETED: Buffer.from('{"type":"DELETED","object":'),
}
const tail = Buffer.from('}\n')

/** Watch events as lines of JSON in the representation that one watcher asked for. */
export class EventLines {
  readonly #renderer: Renderer
  #first = true

  constructor(renderer: Renderer) {
    this.#renderer = renderer
  }

  /** Remembered, because other watchers will ask for the same. */
  line(type: EventType, item: CachedObject): Buffer {
    if (!this.#renderer.plain) return this.uncached(type, item)
    let line = shared[type].get(item)
    if (!line) shared[type].set(item, (line = this.uncached(type, item)))
    return line
  }

  /** For the initial objects of a watch, which are too many to remember. */
  uncached(type: EventType, item: CachedObject): Buffer {
    const json = this.#renderer.plain ? item.json : this.#rendered(item.object as KubeObject)
    return Buffer.concat([heads[type], json, tail])
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
