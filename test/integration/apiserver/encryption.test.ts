import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../../../apimachinery/clock.ts'
import { etcdStorage } from '../../../apiserver/storage/etcd/etcd-storage.ts'
import type { Storage } from '../../../apiserver/storage/storage.ts'
import { startTestApiServer, type TestApiServer } from '../../support/apiserver.ts'
import { startEtcd, type EtcdServer } from '../../support/etcd.ts'
import { ApiClient } from './api-client.ts'
import { Kubectl } from './kubectl.ts'

const one = { name: 'one', secret: randomBytes(32).toString('base64') }
const two = { name: 'two', secret: randomBytes(32).toString('base64') }
const old = { name: 'old', secret: randomBytes(32).toString('base64') }
/** The file is looked at every few seconds. */
const reloadMs = { timeout: 30_000 }

let directory = ''
let configPath = ''
let etcd: EtcdServer
let raw: Storage
let server: TestApiServer
let api: ApiClient
let kubectl: Kubectl

function configure(...providers: object[]): Promise<void> {
  const config = {
    apiVersion: 'apiserver.config.k8s.io/v1',
    kind: 'EncryptionConfiguration',
    resources: [{ resources: ['secrets', 'roles.rbac.authorization.k8s.io'], providers }],
  }
  return writeFile(configPath, JSON.stringify(config))
}

const gcm = (...keys: object[]) => ({ aesgcm: { keys } })
const cbc = (...keys: object[]) => ({ aescbc: { keys } })
const identity = { identity: {} }

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kvorum-encryption-'))
  configPath = join(directory, 'encryption.json')
  etcd = await startEtcd()
  raw = etcdStorage({ endpoints: etcd.endpoints, clock: systemClock })
})

afterAll(async () => {
  await stop()
  await raw?.close()
  await etcd?.stop()
  await rm(directory, { recursive: true, force: true })
})

async function start(
  flags: Record<string, string> = { 'encryption-provider-config': configPath },
): Promise<void> {
  server = await startTestApiServer({ storage: { endpoints: etcd.endpoints }, flags })
  api = new ApiClient(server)
  kubectl = new Kubectl(server)
}

async function stop(): Promise<void> {
  api?.close()
  kubectl?.close()
  await server?.close()
}

async function stored(name: string, at = 'secrets'): Promise<string> {
  const { item } = await raw.get(`/registry/${at}/default/${name}`)
  return item?.value.toString('latin1') ?? ''
}

const secretsUrl = '/api/v1/namespaces/default/secrets'

async function create(name: string): Promise<void> {
  const { code } = await api.post(secretsUrl, {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name },
    stringData: { a: 'hidden' },
  })
  expect(code).toBe(201)
}

async function valueOf(name: string): Promise<string> {
  const { body } = await api.get(`${secretsUrl}/${name}`)
  return Buffer.from(body.data?.a ?? '', 'base64').toString()
}

describe('with a key', () => {
  beforeAll(async () => {
    await start({})
    await create('plain')
    await stop()
    await configure(gcm(one), identity)
    await start()
  })

  afterAll(stop)

  test('what is configured lies encrypted in etcd, everything else does not', async () => {
    await create('sealed')
    await kubectl.ok('create', 'role', 'sealed', '--verb=get', '--resource=configmaps')
    await kubectl.ok('create', 'configmap', 'open', '--from-literal=a=b')

    expect(await stored('sealed')).toMatch(/^k8s:enc:aesgcm:v1:one:/)
    expect(await stored('sealed', 'roles')).toMatch(/^k8s:enc:aesgcm:v1:one:/)
    expect(await stored('open', 'configmaps')).toMatch(/^\{/)
    expect(await stored('sealed')).not.toContain('sealed"')
    expect(await valueOf('sealed')).toBe('hidden')
  })

  test('what was there before is read, listed, watched, and encrypted by an update that changes nothing', async () => {
    expect(await stored('plain')).toMatch(/^\{/)
    const { body } = await api.get(secretsUrl)
    expect(body.items.map(({ metadata }: { metadata: { name: string } }) => metadata.name)).toEqual([
      'plain',
      'sealed',
    ])
    const current = (await api.get(`${secretsUrl}/plain`)).body
    const updated = await api.put(`${secretsUrl}/plain`, current)
    expect(updated.code).toBe(200)
    expect(updated.body.data).toEqual(current.data)
    expect(updated.body.metadata.resourceVersion).not.toBe(current.metadata.resourceVersion)
    expect(await stored('plain')).toMatch(/^k8s:enc:aesgcm:v1:one:/)

    const again = await api.put(`${secretsUrl}/plain`, updated.body)
    expect(again.body.metadata.resourceVersion).toBe(updated.body.metadata.resourceVersion)
  })

  test(
    'keys are exchanged while the server runs: add, make first, rewrite, remove',
    { timeout: 120_000 },
    async () => {
      await create('rotated')
      await configure(gcm(two, one), identity)
      const rewrite = async () => {
        const secrets = await kubectl.ok('get', 'secrets,roles', '-A', '-o', 'json')
        expect(await kubectl.run(['replace', '-f', '-'], { input: secrets })).toMatchObject({ code: 0 })
        return [await stored('rotated'), await stored('plain'), await stored('sealed', 'roles')]
      }
      const sealedWithTwo = expect.stringMatching(/^k8s:enc:aesgcm:v1:two:/)
      await expect.poll(rewrite, reloadMs).toEqual([sealedWithTwo, sealedWithTwo, sealedWithTwo])

      await configure(gcm(two))
      const { items } = await raw.list('/registry/secrets/')
      for (const { value } of items) expect(value.toString('latin1')).toMatch(/^k8s:enc:aesgcm:v1:two:/)
      expect(await valueOf('rotated')).toBe('hidden')
      expect(await valueOf('plain')).toBe('hidden')
    },
  )
})

describe('without the key of a value', () => {
  beforeAll(async () => {
    await configure(cbc(old), gcm(two))
    await start()
    await create('lost')
    await stop()
    await configure(gcm(two))
    await start()
  })

  test('reading and listing it is an error that names it; its neighbours are read', async () => {
    expect(await stored('lost')).toMatch(/^k8s:enc:aescbc:v1:old:/)
    const message = expect.stringContaining(
      'Internal error occurred: unable to transform key "/registry/secrets/default/lost"',
    )
    for (const path of [`${secretsUrl}/lost`, secretsUrl, `${secretsUrl}?limit=1`, `${secretsUrl}?watch=1`]) {
      const { code, body } = await api.get(path)
      expect({ code, message: body.message }).toEqual({ code: 500, message })
    }
    const patched = await api.patch(`${secretsUrl}/lost`, 'merge', { data: {} })
    expect({ code: patched.code, message: patched.body.message }).toEqual({ code: 500, message })
    expect(await valueOf('sealed')).toBe('hidden')
    expect((await api.get('/api/v1/namespaces/kube-system/secrets')).code).toBe(200)
  })

  test('a broken file changes nothing, and with the key back all is well', { timeout: 60_000 }, async () => {
    await writeFile(configPath, '{')
    expect(await valueOf('sealed')).toBe('hidden')
    await configure(gcm(two), cbc(old))
    await expect.poll(() => valueOf('lost'), reloadMs).toBe('hidden')
    expect((await api.get(secretsUrl)).code).toBe(200)
  })
})

test('a server without a configuration does not show encrypted values', async () => {
  await stop()
  await start({})
  const { code, body } = await api.get(`${secretsUrl}/sealed`)
  expect(code).toBe(500)
  expect(body.message).toContain('unable to transform key "/registry/secrets/default/sealed"')
  expect((await api.get('/api/v1/namespaces/default/configmaps/open')).code).toBe(200)
})

test('a server with a wrong configuration does not start', async () => {
  await writeFile(
    configPath,
    '{"apiVersion": "apiserver.config.k8s.io/v1", "kind": "EncryptionConfiguration"}',
  )
  await expect(startTestApiServer({ flags: { 'encryption-provider-config': configPath } })).rejects.toThrow(
    'encryption configuration, resources: ',
  )
})
