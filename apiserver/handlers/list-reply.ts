import type { ServerResponse } from 'node:http'
import { createGzip, type Gzip } from 'node:zlib'
import type { JsonObject } from '../../crds/meta/json.ts'
import type { CachedObject } from '../cache/cache.ts'
import { objectReply, type Reply, type RequestContext } from '../http/exchange.ts'
import { drained } from '../http/write-reply.ts'
import type { Renderer } from './render.ts'

interface ListContent {
  readonly renderer: Renderer
  readonly metadata: JsonObject
  readonly items: readonly CachedObject[]
  readonly context: RequestContext
  readonly yaml: boolean
}

/** Measured best: smaller pieces cost more writes, larger ones more memory. */
const chunkBytes = 256 * 1024
/** Rendering rows takes a few microseconds each; after so many others get a turn. */
const rowsPerTurn = 500
/** About what 128 KiB of JSON come to; smaller lists go out in one piece. */
const smallList = 40

/** A list's body: one piece when small, else chunk by chunk at the client's speed. */
export function listReply(content: ListContent): Reply {
  const { renderer, items, metadata, context, yaml } = content
  if (yaml) return objectReply(JSON.parse(wholeList(content).toString()) as JsonObject)
  if (items.length <= smallList) {
    return {
      type: 'raw',
      code: 200,
      headers: { 'content-type': renderer.contentType },
      body: wholeList(content),
    }
  }
  const compressed = context.compress
  return {
    type: 'stream',
    code: 200,
    headers: {
      'content-type': renderer.contentType,
      ...(compressed && { 'content-encoding': 'gzip', vary: 'Accept-Encoding' }),
    },
    async write(response, signal) {
      const sink = compressed ? compressInto(response) : response
      const whole = await writeItems(sink, response, { renderer, metadata, items, signal })
      // A list that ends early must not look like a short one.
      if (whole) sink.end()
      else response.destroy()
    },
  }
}

function wholeList({ renderer, metadata, items }: ListContent): Buffer {
  const parts: Buffer[] = [Buffer.from(renderer.listHead(metadata))]
  for (const [index, item] of items.entries()) {
    if (index > 0) parts.push(comma)
    const entry = renderer.entry(item)
    parts.push(typeof entry === 'string' ? Buffer.from(entry) : entry)
  }
  parts.push(tail)
  return Buffer.concat(parts)
}

const comma = Buffer.from(',')
const tail = Buffer.from(']}\n')

function compressInto(response: ServerResponse): Gzip {
  const gzip = createGzip({ level: 1 })
  gzip.pipe(response)
  response.once('close', () => gzip.destroy())
  return gzip
}

/** False when the client was gone or given up before the end. */
async function writeItems(
  sink: ServerResponse | Gzip,
  response: ServerResponse,
  {
    renderer,
    metadata,
    items,
    signal,
  }: {
    renderer: Renderer
    metadata: JsonObject
    items: readonly CachedObject[]
    signal: AbortSignal
  },
): Promise<boolean> {
  let parts: Buffer[] = [Buffer.from(renderer.listHead(metadata))]
  let size = 0
  const flush = async () => {
    const ready = sink.write(Buffer.concat(parts))
    parts = []
    size = 0
    if (!ready) await (sink === response ? drained(response, signal) : drainedGzip(sink as Gzip, signal))
  }
  for (const [index, item] of items.entries()) {
    if (response.destroyed || signal.aborted) return false
    if (index > 0) parts.push(comma)
    const entry = renderer.entry(item)
    const bytes = typeof entry === 'string' ? Buffer.from(entry) : entry
    parts.push(bytes)
    size += bytes.length
    if (size >= chunkBytes) await flush()
    if (!renderer.plain && index % rowsPerTurn === rowsPerTurn - 1) await nextTurn()
  }
  parts.push(tail)
  await flush()
  return !signal.aborted
}

function drainedGzip(gzip: Gzip, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      gzip.off('drain', done).off('close', done)
      signal.removeEventListener('abort', done)
      resolve()
    }
    if (signal.aborted || gzip.destroyed) return resolve()
    gzip.on('drain', done).on('close', done)
    signal.addEventListener('abort', done, { once: true })
  })
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
