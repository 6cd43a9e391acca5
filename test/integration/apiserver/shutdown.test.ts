import { connect, type ClientHttp2Stream } from 'node:http2'
import { finished } from 'node:stream/promises'
import { afterEach, expect, test } from 'vitest'
import { startTestApiServer, type TestApiServer } from '../../support/apiserver.ts'
import { startEtcd, type EtcdServer } from '../../support/etcd.ts'
import { ApiClient } from './api-client.ts'

const configMaps = '/api/v1/namespaces/default/configmaps'
const configMap = (name: string) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name } })

let etcd: EtcdServer | undefined
afterEach(async () => {
  await etcd?.stop()
  etcd = undefined
})

async function watchOverHttp2(server: TestApiServer) {
  const session = connect(server.url, ApiClient.credentials(server))
  const stream: ClientHttp2Stream = session.request({
    ':path': `${configMaps}?watch=1&resourceVersion=0&allowWatchBookmarks=true`,
  })
  stream.setEncoding('utf8')
  let text = ''
  stream.on('data', (chunk: string) => (text += chunk))
  await new Promise((resolve) => stream.once('data', resolve))
  return { session, stream, text: () => text }
}

test('a server that stops ends its watches in order, on HTTP/2 and HTTP/1.1, and another takes over', async () => {
  etcd = await startEtcd()
  const storage = { endpoints: etcd.endpoints }
  const [leaving, staying] = await Promise.all([
    startTestApiServer({ storage }),
    startTestApiServer({ storage }),
  ])
  const client = new ApiClient(leaving)
  const other = new ApiClient(staying)
  await client.post(configMaps, configMap('first'))
  const { session, stream, text } = await watchOverHttp2(leaving)
  const { body: list } = await client.get(configMaps)
  const version = String(list.metadata.resourceVersion)
  const plain = await client.watch(`${configMaps}?watch=1&resourceVersion=${version}`)
  await client.post(configMaps, configMap('second'))
  const seen = await plain.next()
  expect(seen?.object.metadata.name).toBe('second')
  const ended = Promise.all([finished(stream), finished(plain.response), once(session, 'goaway')])

  await leaving.close()

  // Neither rejects: both bodies came to their end and were not cut off.
  await ended
  expect(stream.rstCode).toBe(0)
  expect(plain.response.complete).toBe(true)
  expect(text().endsWith('\n')).toBe(true)
  expect(await plain.next()).toBeUndefined()
  await other.post(configMaps, configMap('third'))
  const resumed = await other.watch(
    `${configMaps}?watch=1&resourceVersion=${seen?.object.metadata.resourceVersion}`,
  )
  expect(await resumed.names(1)).toEqual(['ADDED third'])
  resumed.close()
  client.close()
  other.close()
  session.destroy()
  await staying.close()
})

function once(session: ReturnType<typeof connect>, event: 'goaway'): Promise<void> {
  return new Promise((resolve) => session.once(event, () => resolve()))
}
