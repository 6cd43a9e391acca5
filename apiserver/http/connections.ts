import type { Http2SecureServer, ServerHttp2Session } from 'node:http2'
import type { Socket } from 'node:net'

/** The open connections of a server and the requests on them, for closing it without cutting anything off. */
export class Connections {
  readonly #sessions = new Set<ServerHttp2Session>()
  readonly #sockets = new Set<Socket>()
  readonly #requests = new Map<Promise<void>, AbortController>()

  constructor(server: Http2SecureServer) {
    server.on('session', (session) => {
      this.#sessions.add(session)
      session.once('close', () => this.#sessions.delete(session))
    })
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
    })
  }

  /** Counts a request until it is answered. */
  busy(request: Promise<void>, gone: AbortController): void {
    this.#requests.set(request, gone)
    void request.finally(() => this.#requests.delete(request))
  }

  /** Resolves when every request so far has been answered. */
  async idle(): Promise<void> {
    while (this.#requests.size > 0) await Promise.allSettled(this.#requests.keys())
  }

  /** Ends watches, and everything else that waits. */
  abortRequests(reason: Error): void {
    for (const gone of this.#requests.values()) gone.abort(reason)
  }

  /** Tells HTTP/2 clients to go on elsewhere. */
  goAway(): void {
    for (const session of this.#sessions) session.close()
  }

  /** Resolves when HTTP/2 connections that were told to go have sent the last of their streams, and closed. */
  async gone(): Promise<void> {
    const open = [...this.#sessions].filter((session) => !session.destroyed)
    await Promise.all(open.map((session) => new Promise((resolve) => session.once('close', resolve))))
  }

  /** Closes what is left once its last bytes are out. HTTP/1 clients keep idle connections open otherwise. */
  end(): void {
    for (const socket of this.#sockets) socket.destroySoon()
  }

  destroy(): void {
    for (const socket of this.#sockets) socket.destroy()
  }
}
