import { connect, type TLSSocket } from 'node:tls'
import { expect, test } from 'vitest'
import { Http2Connection } from '../../../../apimachinery/client/http/http2-connection.ts'
import { systemClock } from '../../../../apimachinery/clock.ts'
import { startScriptedServer } from './scripted-server.ts'

test('a connection that is given up before it is up ends quietly', async () => {
  const server = await startScriptedServer()
  const { hostname, port, host } = new URL(server.url)
  const open = () =>
    new Promise<TLSSocket>((resolve, reject) => {
      const options = { host: hostname, port: Number(port), ALPNProtocols: ['h2'] }
      const socket = connect({ ...options, ca: server.authority.certificate }, () => resolve(socket))
      socket.once('error', reject)
    })

  // A renewed certificate may retire a connection in any moment of its life.
  for (const giveUp of ['retire', 'destroy'] as const) {
    const connection = new Http2Connection(await open(), host, systemClock)
    connection[giveUp](new Error('there is a better one'))
    await expect.poll(() => connection.closed).toBe(true)
  }

  await server.close()
})
