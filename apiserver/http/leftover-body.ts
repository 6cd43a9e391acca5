import type { IncomingMessage } from 'node:http'
import { constants, type Http2ServerRequest } from 'node:http2'
import type { Clock } from '../../apimachinery/clock.ts'

/** Enough for a body that is on its way already when the answer goes out. */
const maxBytes = 4 * 1024 * 1024
const maxMs = 5_000

/**
 * Reads what is left of a body that nobody wants any more, so that it is not in the way of the next request on an
 * HTTP/1 connection; cuts off clients that go on sending.
 */
export function discardBody(request: IncomingMessage | Http2ServerRequest, clock: Clock): void {
  if (request.complete || request.destroyed) return
  const cutOff = () => {
    if ('stream' in request) request.stream.close(constants.NGHTTP2_NO_ERROR)
    else request.socket.destroy()
  }
  let left = maxBytes
  const cancel = clock.after(maxMs, cutOff)
  request.on('data', (chunk: Buffer) => {
    left -= chunk.length
    if (left < 0) cutOff()
  })
  request.once('end', cancel).once('close', cancel)
  request.resume()
}
