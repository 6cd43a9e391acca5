import { afterAll, beforeAll, expect, test } from 'vitest'
import { httpClient } from '../../../apimachinery/client/http-client.ts'
import { configFromText } from '../../../apimachinery/client/config.ts'
import { virtualMachines } from '../../../apimachinery/client/resources.ts'
import { aVirtualMachine } from '../../support/builders.ts'
import { startTestApiServer, type TestApiServer } from '../../support/apiserver.ts'

let server: TestApiServer
let client: ReturnType<typeof httpClient>
beforeAll(async () => {
  server = await startTestApiServer({ storage: 'memory', installCrds: 'crds' })
  client = httpClient(configFromText(server.adminKubeconfig))
})
afterAll(async () => {
  await client?.close()
  await server?.close()
})

test('a protected machine cannot be deleted, alone or with others, until it is not protected any more', async () => {
  const { spec } = aVirtualMachine()
  const key = { name: 'kept', namespace: 'default' }
  const machine = (name: string, deletionProtection: boolean) => ({
    apiVersion: 'kvorum.dev/v1alpha1',
    kind: 'VirtualMachine',
    metadata: { name, namespace: 'default' },
    spec: { ...spec, deletionProtection },
  })
  await client.create(virtualMachines, machine('kept', true))
  await client.create(virtualMachines, machine('loose', false))

  await expect(client.delete(virtualMachines, key)).rejects.toMatchObject({
    reason: 'Forbidden',
    message: expect.stringContaining(
      'machine kept is protected: set spec.deletionProtection to false before it is deleted',
    ) as string,
  })
  await client.delete(virtualMachines, { ...key, name: 'loose' })
  expect((await client.get(virtualMachines, key)).metadata.deletionTimestamp).toBeUndefined()

  await client.patch(virtualMachines, key, {
    type: 'merge',
    body: { spec: { deletionProtection: false } },
  })
  await client.delete(virtualMachines, key)
  await expect(client.get(virtualMachines, key)).rejects.toMatchObject({ reason: 'NotFound' })
})
