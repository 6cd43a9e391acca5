import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { systemClock } from '../../../apimachinery/clock.ts'
import { silentLogger } from '../../../apimachinery/log.ts'
import { startApiServer } from '../../../apiserver/main.ts'
import { optionsOf } from '../../../apiserver/options.ts'
import { makeEtcdCertificates } from '../../support/etcd-certificates.ts'
import { startEtcd, type EtcdServer } from '../../support/etcd.ts'

const run = promisify(execFile)
let directory: string
let etcd: EtcdServer | undefined

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kvorum-etcd-access-'))
})
afterEach(async () => {
  await etcd?.stop()
  etcd = undefined
  await rm(directory, { recursive: true, force: true })
})

/** Starts an API server with these flags alone, and lets it find out whether etcd lets it in. */
async function serve(flags: Readonly<Record<string, string>>): Promise<void> {
  const options = optionsOf({ 'secure-port': 0, 'cert-dir': join(directory, 'pki'), ...flags })
  const server = await startApiServer(options, { clock: systemClock, log: silentLogger })
  await server.close()
}

async function keysIn(endpoint: string, args: readonly string[]): Promise<string> {
  const { stdout } = await run(
    'etcdctl',
    [`--endpoints=${endpoint}`, ...args, 'get', '--prefix', '--keys-only', '/registry/namespaces/'],
    { env: { ...process.env, ETCDCTL_API: '3' } },
  )
  return stdout
}

test.each(['http2', 'etcd3'])('etcd over TLS, with a client certificate, through %s', async (client) => {
  const files = await makeEtcdCertificates(directory)
  etcd = await startEtcd({ tls: files })
  const [endpoint = ''] = etcd.endpoints
  await serve({
    'etcd-servers': endpoint,
    'etcd-cafile': files.ca,
    'etcd-certfile': files.certificate,
    'etcd-keyfile': files.key,
    'etcd-client': client,
  })
  const access = [`--cacert=${files.ca}`, `--cert=${files.certificate}`, `--key=${files.key}`]
  expect(await keysIn(endpoint, access)).toContain('/registry/namespaces/kube-system')
})

test.each(['http2', 'etcd3'])('etcd with users and passwords, through %s', async (client) => {
  etcd = await startEtcd()
  const [endpoint = ''] = etcd.endpoints
  const control = async (...args: string[]) =>
    await run('etcdctl', [`--endpoints=${endpoint}`, ...args], { env: { ...process.env, ETCDCTL_API: '3' } })
  await control('user', 'add', 'root:secret')
  await control('user', 'grant-role', 'root', 'root')
  await control('auth', 'enable')
  const passwordFile = join(directory, 'password')
  await writeFile(passwordFile, 'secret\n')
  await serve({
    'etcd-servers': endpoint,
    'etcd-username': 'root',
    'etcd-password-file': passwordFile,
    'etcd-client': client,
  })
  expect(await keysIn(endpoint, ['--user=root:secret'])).toContain('/registry/namespaces/kube-system')
})
