import type { ServerResponse } from 'node:http'
import { expired, StatusError } from '../../apimachinery/status-error.ts'
import type { JsonObject } from '../../crds/meta/json.ts'
import type { CachedObject, CacheEvent, ResourceCache } from '../cache/cache.ts'
import { cachedView } from '../cache/cached-object.ts'
import { SlicedWork } from '../http/loop-turns.ts'
import { drained } from '../http/write-reply.ts'
import type { KubeObject } from '../registry/kube-object.ts'
import { apiVersionOf, type ResourceDefinition } from '../registry/resource-definition.ts'
import { convertAhead, served } from '../registry/served-views.ts'
import { isStorageError } from '../storage/storage.ts'
import { ChunkWriter } from './chunk-pool.ts'
import { EventLines } from './event-lines.ts'
import type { Renderer } from './render.ts'
import type { HandlerServices } from './services.ts'
import type { Selection } from './selection.ts'

export interface WatchRequest {
  readonly definition: ResourceDefinition
  readonly renderer: Renderer
  readonly selection: Selection
  readonly cache: ResourceCache
  readonly prefix: string
  /** Events after this revision; undefined: the present objects as ADDED first. */
  readonly after: number | undefined
  /** Ends the initial objects with a bookmark that says so. */
  readonly markInitialEnd: boolean
  readonly bookmarks: boolean
  readonly timeoutMs: number
  readonly services: Pick<HandlerServices, 'clock' | 'lines' | 'chunks'>
}

/** A client that leaves this much unread is cut off; it will list again and catch up. */
const maxUnreadBytes = 4 * 1024 * 1024
const nothing = Buffer.alloc(0)
const bookmarkEveryMs = 60_000
/** A last bookmark shortly before the end saves the client a relist. */
const lastBookmarkMs = 2000

/** One watch, from its first byte to its end. */
export class WatchStream {
  readonly #request: WatchRequest
  readonly #lines: EventLines
  readonly #begun = Promise.withResolvers<void>()
  readonly #ended = Promise.withResolvers<void>()
  readonly #cancels = new Set<() => void>()
  /** Events that came while the initial objects were still being written, or earlier events converted. */
  #held: CacheEvent[] | undefined = []
  #heldBytes = 0
  #revision = 0
  #response: ServerResponse | undefined

  constructor(request: WatchRequest) {
    this.#request = request
    this.#lines = new EventLines(request.renderer, request.services.lines)
  }

  /** Resolves when the objects that were there at the beginning have been written. */
  get begun(): Promise<void> {
    return this.#begun.promise
  }

  /** Resolves when the watch is over, for whatever reason. */
  async run(response: ServerResponse, signal: AbortSignal): Promise<void> {
    this.#response = response
    response.flushHeaders()
    const end = () => this.#end()
    const { withdrawn } = this.#request.definition
    signal.addEventListener('abort', end, { once: true })
    withdrawn?.addEventListener('abort', end, { once: true })
    response.once('close', end)
    if (signal.aborted || withdrawn?.aborted) this.#end()
    try {
      await this.#start(response, signal)
      this.#begun.resolve()
      await this.#ended.promise
    } finally {
      signal.removeEventListener('abort', end)
      withdrawn?.removeEventListener('abort', end)
      for (const cancel of this.#cancels) cancel()
      if (!response.destroyed) response.end()
    }
  }

  async #start(response: ServerResponse, signal: AbortSignal): Promise<void> {
    const { cache, prefix, after, services, timeoutMs } = this.#request
    const initial = after === undefined ? cache.list(prefix) : []
    this.#revision = after ?? cache.revision
    try {
      this.#cancels.add(
        cache.subscribe(prefix, this.#revision, {
          onEvents: (events, revision) => this.#onEvents(events, revision),
          onReset: () => this.#fail(this.#tooOld()),
        }),
      )
    } catch (error) {
      if (!isStorageError(error, 'compacted')) throw error
      return this.#fail(this.#tooOld())
    }
    this.#cancels.add(services.clock.after(timeoutMs, () => this.#end()))
    if (this.#request.bookmarks) this.#scheduleBookmarks(timeoutMs)
    if (after === undefined) await this.#writeInitial(initial, response, signal)
    this.#takeHeld()
  }

  async #writeInitial(
    items: readonly CachedObject[],
    response: ServerResponse,
    signal: AbortSignal,
  ): Promise<void> {
    const { selection, definition, markInitialEnd, bookmarks } = this.#request
    const writer = new ChunkWriter(this.#request.services.chunks, (bytes, done) =>
      response.write(bytes, done),
    )
    const revision = this.#revision
    if (definition.stored.conversion) {
      try {
        await convertAhead(definition, items, signal)
      } catch (error) {
        return this.#fail(error)
      }
    }
    const work = new SlicedWork()
    for (const stored of items) {
      if (work.due) await work.rest()
      const item = served(definition, stored)
      if (selection.matches && !selection.matches(item)) continue
      writer.add(this.#lines.unshared('ADDED', item))
      if (writer.ready) continue
      await drained(response, signal)
      if (signal.aborted || response.destroyed) return
      writer.ready = true
    }
    if (markInitialEnd && bookmarks) writer.add(this.#bookmark(revision, true))
    writer.flush()
  }

  #onEvents(events: readonly CacheEvent[], revision: number): void {
    this.#revision = Math.max(this.#revision, revision)
    if (this.#held) {
      this.#held.push(...events)
      for (const { item } of events) this.#heldBytes += item.json.length
      if (this.#heldBytes > maxUnreadBytes) this.#cutOff()
    } else this.#take(events)
  }

  /** Writes events at once, or when they have been converted; those that come meanwhile are held. */
  #take(events: readonly CacheEvent[]): void {
    const { definition, selection } = this.#request
    if (!definition.stored.conversion) return this.#writeEvents(events)
    const shown = events.flatMap((event) =>
      event.type === 'MODIFIED' && selection.matches ? [event.previous, event.item] : [event.item],
    )
    const ahead = convertAhead(definition, shown)
    if (!ahead) return this.#writeEvents(events)
    this.#held = []
    ahead
      .then(() => {
        this.#writeEvents(events)
        this.#takeHeld()
      })
      .catch((error: unknown) => this.#fail(error))
  }

  #takeHeld(): void {
    const held = this.#held ?? []
    this.#held = undefined
    this.#heldBytes = 0
    if (held.length > 0) this.#take(held)
  }

  #writeEvents(events: readonly CacheEvent[]): void {
    const { renderer, selection, definition, services } = this.#request
    if (events.length === 0) return
    const join = () => Buffer.concat(events.flatMap((event) => this.#lineFor(event) ?? []))
    const alike = renderer.plain && !selection.matches && events.length > 1
    const [only] = events
    if (alike) this.#write(services.lines.batch(definition, events, join))
    else if (only && events.length === 1) this.#write(this.#lineFor(only) ?? nothing)
    else this.#write(join())
  }

  /** The event as this watcher sees it: objects appear and disappear as they begin and cease to match. */
  #lineFor(event: CacheEvent): Buffer | undefined {
    const { selection, definition } = this.#request
    const item = served(definition, event.item)
    const { matches } = selection
    if (event.type === 'ADDED') return !matches || matches(item) ? this.#lines.line('ADDED', item) : undefined
    if (event.type === 'DELETED')
      return !matches || matches(item) ? this.#lines.line('DELETED', item) : undefined
    if (!matches) return this.#lines.line('MODIFIED', item)
    const previous = served(definition, event.previous)
    const was = matches(previous)
    if (matches(item)) return this.#lines.line(was ? 'MODIFIED' : 'ADDED', item)
    return was ? this.#lines.line('DELETED', lastMatching(previous, item)) : undefined
  }

  #scheduleBookmarks(timeoutMs: number): void {
    const { clock } = this.#request.services
    let cancel = () => {}
    const repeat = () => {
      cancel = clock.after(bookmarkEveryMs, () => {
        this.#sendBookmark()
        repeat()
      })
    }
    repeat()
    this.#cancels.add(() => cancel())
    if (timeoutMs > lastBookmarkMs) {
      this.#cancels.add(clock.after(timeoutMs - lastBookmarkMs, () => this.#sendBookmark()))
    }
  }

  #sendBookmark(): void {
    if (this.#held) return
    this.#write(this.#bookmark(Math.max(this.#revision, this.#request.cache.revision), false))
  }

  #bookmark(revision: number, initialEnd: boolean): Buffer {
    const { definition } = this.#request
    const object: KubeObject = {
      kind: definition.kind,
      apiVersion: apiVersionOf(definition),
      metadata: {
        resourceVersion: String(revision),
        ...(initialEnd && { annotations: { 'k8s.io/initial-events-end': 'true' } }),
      },
    }
    return this.#lines.bookmark(object)
  }

  #write(line: Buffer): void {
    if (line.length === 0) return
    const response = this.#response
    if (!response || response.destroyed || response.writableEnded) return
    response.write(line)
    if (response.writableLength > maxUnreadBytes) this.#cutOff()
  }

  #tooOld(): StatusError {
    const { after, cache } = this.#request
    return expired(`too old resource version: ${after ?? this.#revision} (${cache.revision})`)
  }

  /** The last word to the client is why nothing more comes. */
  #fail(error: unknown): void {
    if (!(error instanceof StatusError)) return this.#cutOff()
    const status = error.toStatus() as unknown as JsonObject
    this.#write(Buffer.from(`${JSON.stringify({ type: 'ERROR', object: status })}\n`))
    this.#end()
  }

  #cutOff(): void {
    this.#response?.destroy()
    this.#end()
  }

  #end(): void {
    for (const cancel of this.#cancels) cancel()
    this.#cancels.clear()
    this.#ended.resolve()
  }
}

const goodbyes = new WeakMap<CachedObject, CachedObject>()

/** What a watcher is told when an object stops matching: its last matching state at the version that ended it. */
function lastMatching(previous: CachedObject, next: CachedObject): CachedObject {
  const known = goodbyes.get(next)
  if (known) return known
  const { metadata } = previous.object as KubeObject
  const object: KubeObject = {
    ...(previous.object as KubeObject),
    metadata: { ...metadata, resourceVersion: String(next.revision) },
  }
  const json = Buffer.from(JSON.stringify(object))
  const last = cachedView({ key: previous.key, object, json, revision: next.revision })
  goodbyes.set(next, last)
  return last
}
