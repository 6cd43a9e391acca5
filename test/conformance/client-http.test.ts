import { configFromText } from '../../apimachinery/client/config.ts'
import { httpClient } from '../../apimachinery/client/http-client.ts'
import { clientConformance } from './client-conformance.ts'
import { startTestApiServer } from '../support/apiserver.ts'

for (const storage of ['memory', 'etcd'] as const) {
  clientConformance(`the HTTP client of our API server on ${storage}`, async () => {
    const server = await startTestApiServer({ storage, installCrds: 'crds' })
    const client = httpClient(configFromText(server.adminKubeconfig))
    return {
      client,
      async close() {
        await client.close()
        await server.close()
      },
    }
  })
}
