import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ApiClient } from '../../integration/apiserver/api-client.ts'
import { widgetCrd, widgetsPath } from '../../integration/apiserver/widget.ts'
import { startTestApiServer, type TestApiServer } from '../../support/apiserver.ts'

/** The distribution's Python: the one that its packages are for. */
const python = '/usr/bin/python3'
const script = join(import.meta.dirname, 'python-client.py')
const run = promisify(execFile)

const missing = await run(python, ['-c', 'import kubernetes.dynamic']).then(
  () => undefined,
  () => 'the package python3-kubernetes is not installed',
)

let server: TestApiServer
let api: ApiClient

beforeAll(async () => {
  server = await startTestApiServer({ storage: 'etcd' })
  api = new ApiClient(server)
})

afterAll(async () => {
  api.close()
  await server.close()
})

test('the Python client lists, watches, writes and finds kinds by discovery', async (context) => {
  if (missing !== undefined) context.skip(missing)
  expect((await api.post('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', widgetCrd)).code).toBe(
    201,
  )
  await expect.poll(async () => (await api.get(widgetsPath)).code, { timeout: 20_000 }).toBe(200)

  const { stdout } = await run(python, [script, server.kubeconfigPath], {
    timeout: 120_000,
    env: { PATH: process.env['PATH'], HOME: server.directory },
  })

  expect(stdout.trim()).toBe('done')
})
