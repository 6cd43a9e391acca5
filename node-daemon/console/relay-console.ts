import type { Duplex } from 'node:stream'
import { createWebSocketStream, type WebSocket } from 'ws'
import type { Clock } from '../../apimachinery/clock.ts'
import type { Logger } from '../../apimachinery/log.ts'

const pingEveryMs = 30_000

/**
 * Joins a client and a console, byte for byte, each slowed down to what the other takes. Either end closes both; a
 * client that does not answer pings counts as gone, so that nobody's console is held by a dead connection.
 */
export function relayConsole(
  client: WebSocket,
  console: Duplex,
  { clock, log }: { readonly clock: Clock; readonly log: Logger },
): void {
  const stream = createWebSocketStream(client, { allowHalfOpen: false })
  let alive = true
  let cancelPing: () => void = () => {}
  const ping = () => {
    if (!alive) return client.terminate()
    alive = false
    client.ping()
    cancelPing = clock.after(pingEveryMs, ping)
  }
  client.on('pong', () => (alive = true))
  cancelPing = clock.after(pingEveryMs, ping)

  stream.on('error', (error) => log.debug('Console client failed', { error }))
  console.on('error', (error) => log.debug('Console failed', { error }))
  stream.pipe(console)
  console.on('data', (chunk: Buffer) => {
    if (!stream.write(chunk)) console.pause()
  })
  stream.on('drain', () => console.resume())
  // The machine has ended, or somebody else has taken the console.
  const ended = () => client.close(1000, 'the console was closed')
  console.once('end', ended)
  console.once('close', ended)
  client.once('close', () => {
    cancelPing()
    console.destroy()
  })
}
