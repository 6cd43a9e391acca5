import type { ServerResponse } from 'node:http'
import type { Json } from '../../crds/meta/json.ts'

const mostBytes = 1024 * 1024

/** Keeps a copy of what is written to a response; the returned function gives it as JSON, undefined when it is too long. */
export function captureBody(response: ServerResponse): () => Json | undefined {
  let chunks: Buffer[] | undefined = []
  let size = 0
  const keep = (chunk: unknown) => {
    if (!chunks || !(typeof chunk === 'string' || chunk instanceof Uint8Array)) return
    // A copy: writers use their buffers again.
    const copy = Buffer.from(chunk as Uint8Array)
    size += copy.length
    if (size > mostBytes) chunks = undefined
    else chunks.push(copy)
  }
  const write = response.write.bind(response) as (...args: unknown[]) => boolean
  const end = response.end.bind(response) as (...args: unknown[]) => ServerResponse
  Object.assign(response, {
    write(...args: unknown[]) {
      keep(args[0])
      return write(...args)
    },
    end(...args: unknown[]) {
      keep(args[0])
      return end(...args)
    },
  })
  return () => (chunks ? parsed(Buffer.concat(chunks)) : undefined)
}

function parsed(body: Buffer): Json | undefined {
  try {
    return JSON.parse(body.toString()) as Json
  } catch {
    // Compressed, or cut off: not what a log is read for.
    return undefined
  }
}
