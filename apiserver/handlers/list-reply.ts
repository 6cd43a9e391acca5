import type { ServerResponse } from 'node:http'
import { createGzip, type Gzip } from 'node:zlib'
import type { JsonObject } from '../../crds/meta/json.ts'
import type { CachedObject } from '../cache/cache.ts'
import { objectReply, type Reply, type RequestContext } from '../http/exchange.ts'
import { SlicedWork } from '../http/loop-turns.ts'
import { drained } from '../http/write-reply.ts'
import { ChunkWriter, type ChunkPool } from './chunk-pool.ts'
import type { Renderer } from './render.ts'

interface ListContent {
  readonly renderer: Renderer
  readonly metadata: JsonObject
  readonly items: readonly CachedObject[]
  readonly context: RequestContext
  readonly yaml: boolean
  readonly chunks: ChunkPool
}

/** About what 128 KiB of JSON come to; smaller lists go out in one piece. */
const smallList = 40

/** A list's body: one piece when small, else chunk by chunk at the client's speed. */
export function listReply(content: ListContent): Reply {
  const { renderer, items, context, yaml } = content
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
      const whole = await writeItems(sink, response, { ...content, signal })
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
  { renderer, metadata, items, signal, chunks }: ListContent & { signal: AbortSignal },
): Promise<boolean> {
  const writer = new ChunkWriter(chunks, (bytes, done) => sink.write(bytes, done))
  const wait = () => (sink === response ? drained(response, signal) : drainedGzip(sink as Gzip, signal))
  const work = new SlicedWork()
  writer.add(renderer.listHead(metadata))
  for (const [index, item] of items.entries()) {
    if (response.destroyed || signal.aborted) return false
    if (index > 0) writer.add(comma)
    writer.add(renderer.entry(item))
    if (!writer.ready) {
      await wait()
      writer.ready = true
    }
    if (work.due) await work.rest()
  }
  writer.add(tail)
  writer.flush()
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
