import type { AddressInfo, Socket } from 'node:net'
import { connect, createServer } from 'node:net'

/** Stands between a client and a server on 127.0.0.1 and breaks their connections on request. */
export interface TcpProxy {
  /** `http://127.0.0.1:<port>`. */
  readonly endpoint: string
  /** How often a connection was broken so far. */
  readonly cuts: number
  /** Breaks every connection once `bytes` more have come from the server, `times` times over. */
  cutEvery(bytes: number, times: number): void
  /** Breaks every connection now. */
  cut(): void
  /** Keeps what the server answers from the client, from now on, until `cut` or `letAnswersPass`. */
  holdAnswers(): void
  letAnswersPass(): void
  /** Bytes that came from the client since `holdAnswers`. */
  readonly requestBytesWhileHeld: number
  close(): Promise<void>
}

export async function startTcpProxy(target: string): Promise<TcpProxy> {
  const { hostname, port } = new URL(target)
  const pairs = new Set<readonly [Socket, Socket]>()
  let cuts = 0
  let held = false
  let requestBytesWhileHeld = 0
  let plan = { bytes: 0, times: 0 }
  let sinceCut = 0

  const cut = () => {
    held = false
    sinceCut = 0
    for (const [client, server] of pairs) {
      cuts++
      client.destroy()
      server.destroy()
    }
    pairs.clear()
  }
  const answer = (client: Socket, chunk: Buffer) => {
    if (held) return
    sinceCut += chunk.length
    if (plan.times > 0 && sinceCut >= plan.bytes) {
      plan = { ...plan, times: plan.times - 1 }
      // Part of the chunk arrives, so that messages break in the middle.
      client.write(chunk.subarray(0, chunk.length / 2), cut)
    } else client.write(chunk)
  }

  const listener = createServer((client) => {
    const server = connect(Number(port), hostname)
    const pair = [client, server] as const
    pairs.add(pair)
    const end = () => {
      pairs.delete(pair)
      client.destroy()
      server.destroy()
    }
    for (const socket of pair) socket.on('error', end).on('close', end)
    server.on('data', (chunk) => answer(client, chunk))
    client.on('data', (chunk) => {
      if (held) requestBytesWhileHeld += chunk.length
      server.write(chunk)
    })
  })
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))

  return {
    endpoint: `http://127.0.0.1:${(listener.address() as AddressInfo).port}`,
    get cuts() {
      return cuts
    },
    get requestBytesWhileHeld() {
      return requestBytesWhileHeld
    },
    cutEvery(bytes, times) {
      plan = { bytes, times }
      sinceCut = 0
    },
    cut,
    holdAnswers() {
      held = true
      requestBytesWhileHeld = 0
    },
    letAnswersPass() {
      held = false
    },
    close() {
      cut()
      return new Promise((resolve) => listener.close(() => resolve()))
    },
  }
}
