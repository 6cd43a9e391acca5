import { clientConformance } from './client-conformance.ts'
import { fakeClient } from '../support/fake-client.ts'

clientConformance('the in-memory client', async () => {
  const client = fakeClient()
  return { client, close: () => client.close() }
})
