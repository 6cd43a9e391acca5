const newline = 0x0a

/** The answer was longer than this client is willing to hold. */
export class ResponseTooLargeError extends Error {
  override readonly name = 'ResponseTooLargeError'
}

/** The whole body. Throws ResponseTooLargeError beyond `maxBytes`. */
export async function readAll(body: AsyncIterable<Buffer>, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of body) {
    size += chunk.length
    if (size > maxBytes) throw new ResponseTooLargeError(`the answer is longer than ${maxBytes} bytes`)
    chunks.push(chunk)
  }
  return chunks.length === 1 ? (chunks[0] ?? Buffer.alloc(0)) : Buffer.concat(chunks)
}

/**
 * The body's lines as they arrive, without line ends and empty ones; what follows the last line end is no line.
 * Throws ResponseTooLargeError for a line beyond `maxBytes`.
 */
export async function* readLines(body: AsyncIterable<Buffer>, maxBytes: number): AsyncGenerator<Buffer> {
  let pending: Buffer[] = []
  let pendingBytes = 0
  for await (const chunk of body) {
    let start = 0
    for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, start)) {
      const tail = chunk.subarray(start, end)
      const line = pending.length === 0 ? tail : Buffer.concat([...pending, tail])
      pending = []
      pendingBytes = 0
      start = end + 1
      if (line.length > maxBytes) throw lineTooLong(maxBytes)
      if (line.length > 0) yield line
    }
    if (start === chunk.length) continue
    pending.push(chunk.subarray(start))
    pendingBytes += chunk.length - start
    if (pendingBytes > maxBytes) throw lineTooLong(maxBytes)
  }
}

const lineTooLong = (maxBytes: number) =>
  new ResponseTooLargeError(`a line of the watch is longer than ${maxBytes} bytes`)
