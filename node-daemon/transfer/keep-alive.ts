import type { WebSocket } from 'ws'
import type { Clock } from '../../apimachinery/clock.ts'

const pingEveryMs = 30_000

/** Ends a connection whose other end does not answer pings, so that nothing waits for a client that is gone. */
export function keepAlive(client: WebSocket, clock: Clock): void {
  let alive = true
  let cancel: () => void = () => {}
  const ping = () => {
    if (!alive) return client.terminate()
    // A client that is held up cannot answer, and is not gone.
    alive = client.isPaused
    client.ping()
    cancel = clock.after(pingEveryMs, ping)
  }
  client.on('pong', () => (alive = true))
  client.on('message', () => (alive = true))
  client.once('close', () => cancel())
  cancel = clock.after(pingEveryMs, ping)
}
