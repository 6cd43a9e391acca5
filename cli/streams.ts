import type { Readable, Writable } from 'node:stream'
import { UsageError } from './usage-error.ts'

/** Where the command reads and writes, and what is set around it. */
export interface Streams {
  readonly input: Readable
  readonly output: Writable
  readonly errors: Writable
  readonly env: Readonly<Record<string, string | undefined>>
}

export const processStreams = (): Streams => ({
  input: process.stdin,
  output: process.stdout,
  errors: process.stderr,
  env: process.env,
})

/** All of a stream as text. Throws UsageError beyond `maxBytes`. */
export async function readAllText(input: Readable, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of input as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > maxBytes) throw new UsageError(`standard input is larger than ${maxBytes >> 20} MiB`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}
