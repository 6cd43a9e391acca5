import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Registry } from 'prom-client'

export interface HealthServer {
  readonly port: number
  close(): Promise<void>
}

/**
 * `/healthz` (the process answers), `/readyz` (`isReady` says so) and `/metrics`, on 127.0.0.1 only: there is nothing
 * here to ask a stranger's name for.
 */
export async function startHealthServer(
  port: number,
  deps: { readonly registry: Registry; readonly isReady: () => boolean },
): Promise<HealthServer> {
  const answer = async (path: string): Promise<{ code: number; type: string; body: string }> => {
    const type = 'text/plain; charset=utf-8'
    switch (path) {
      case '/healthz':
        return { code: 200, type, body: 'ok\n' }
      case '/readyz':
        return deps.isReady() ? { code: 200, type, body: 'ok\n' } : { code: 503, type, body: 'not ready\n' }
      case '/metrics':
        return { code: 200, type: deps.registry.contentType, body: await deps.registry.metrics() }
      default:
        return { code: 404, type, body: 'not found\n' }
    }
  }
  const server = createServer((request, response) => {
    const [path = ''] = (request.url ?? '').split('?')
    answer(path).then(
      ({ code, type, body }) => response.writeHead(code, { 'content-type': type }).end(body),
      () => response.writeHead(500).end(),
    )
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
