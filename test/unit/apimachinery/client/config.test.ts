import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { configFromText, loadConfig } from '../../../../apimachinery/client/config.ts'

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kvorum-config-'))
})
afterEach(() => rm(directory, { recursive: true, force: true }))

const base64 = (text: string) => Buffer.from(text).toString('base64')

function kubeconfig(
  user: object,
  options: { name?: string; cluster?: object; namespace?: string } = {},
): string {
  const { name = 'one', cluster = {}, namespace } = options
  const server = `https://${name}.test:6443`
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster: { server, 'certificate-authority-data': base64('the ca'), ...cluster } }],
    users: [{ name, user }],
    contexts: [{ name, context: { cluster: name, user: name, ...(namespace && { namespace }) } }],
    'current-context': name,
  })
}

async function file(name: string, text: string): Promise<string> {
  const path = join(directory, name)
  await writeFile(path, text)
  return path
}

const text = (value: string | Buffer | undefined) => value?.toString()

describe('the kubeconfig', () => {
  test('says where the server is and how to get in by certificate', async () => {
    const user = { 'client-certificate-data': base64('a cert'), 'client-key-data': base64('a key') }

    const config = configFromText(kubeconfig(user, { namespace: 'shop' }))
    const { ca, cert, key, headers } = await config.credentials()

    expect([config.server, config.namespace]).toEqual(['https://one.test:6443', 'shop'])
    expect([text(ca), text(cert), text(key), headers]).toEqual(['the ca', 'a cert', 'a key', {}])
  })

  test.each([
    ['a token', { token: 'secret' }, 'Bearer secret'],
    ['a password', { username: 'me', password: 'secret' }, `Basic ${base64('me:secret')}`],
  ])('gives %s', async (_name, user, authorization) => {
    const { headers } = await configFromText(kubeconfig(user)).credentials()

    expect(headers).toEqual({ authorization })
  })

  test('runs an exec plugin', async () => {
    const credential = {
      apiVersion: 'client.authentication.k8s.io/v1',
      kind: 'ExecCredential',
      status: { token: 't' },
    }
    const exec = { apiVersion: credential.apiVersion, command: 'echo', args: [JSON.stringify(credential)] }

    const { headers } = await configFromText(kubeconfig({ exec })).credentials()

    expect(headers).toEqual({ authorization: 'Bearer t' })
  })

  test('may name the server otherwise and not check it', async () => {
    const cluster = { 'tls-server-name': 'api.test', 'insecure-skip-tls-verify': true }

    const credentials = await configFromText(kubeconfig({}, { cluster })).credentials()

    expect(credentials).toMatchObject({ serverName: 'api.test', insecureSkipTlsVerify: true })
  })

  test('is read anew where it names files, so that renewed certificates count', async () => {
    await file('cert.pem', 'old cert')
    await file('key.pem', 'old key')
    const path = await file(
      'config',
      kubeconfig({ 'client-certificate': 'cert.pem', 'client-key': 'key.pem' }),
    )
    const config = loadConfig({ kubeconfig: path })
    expect(text((await config.credentials()).cert)).toBe('old cert')

    await file('cert.pem', 'new cert')

    expect(text((await config.credentials()).cert)).toBe('new cert')
  })
})

test('a token file counts anew with every request, without its line end', async () => {
  await file('token', 'first\n')
  const path = await file('config', kubeconfig({ tokenFile: 'token' }))
  const config = loadConfig({ kubeconfig: path })
  expect((await config.credentials()).headers).toEqual({ authorization: 'Bearer first' })

  await file('token', 'second\n')

  expect((await config.credentials()).headers).toEqual({ authorization: 'Bearer second' })
})

describe('the context', () => {
  test('can be chosen, among several files of KUBECONFIG, too', async () => {
    const one = await file('one', kubeconfig({ token: '1' }))
    const two = await file('two', kubeconfig({ token: '2' }, { name: 'two' }))
    const env = { KUBECONFIG: `${one}:${two}` }

    expect(loadConfig({ env }).server).toBe('https://one.test:6443')
    const chosen = loadConfig({ env, context: 'two' })

    expect(chosen.server).toBe('https://two.test:6443')
    expect((await chosen.credentials()).headers).toEqual({ authorization: 'Bearer 2' })
  })

  test('must exist', async () => {
    const path = await file('config', kubeconfig({}))

    expect(() => loadConfig({ kubeconfig: path, context: 'other' })).toThrow(
      'the kubeconfig has no context "other"; it has: one',
    )
  })
})

describe('without a path', () => {
  test('~/.kube/config counts', async () => {
    await mkdir(join(directory, '.kube'))
    await file('.kube/config', kubeconfig({}, { name: 'home' }))

    expect(loadConfig({ env: { HOME: directory } }).server).toBe('https://home.test:6443')
  })

  test('and without any file there is an error that says what to do', () => {
    expect(() => loadConfig({ env: { HOME: directory } })).toThrow(
      'no kubeconfig was found: give one with --kubeconfig or in KUBECONFIG',
    )
  })
})

test.each([
  ['that does not exist', () => loadConfig({ kubeconfig: '/nowhere' }), 'cannot be read'],
  ['that is no YAML', () => configFromText('{{'), 'cannot be read'],
  ['that is empty', () => configFromText(''), 'cannot be read'],
  [
    'without a context',
    () => configFromText(stringify({ clusters: [], users: [], contexts: [] })),
    'names no server',
  ],
  [
    'with a proxy',
    () => configFromText(kubeconfig({}, { cluster: { 'proxy-url': 'http://p' } })),
    'proxy-url is not supported',
  ],
  [
    'with a server that is no URL',
    () => configFromText(kubeconfig({}, { cluster: { server: 'localhost' } })),
    'is not an http or https URL',
  ],
])('a kubeconfig %s is refused', (_name, load, message) => {
  expect(load).toThrow(message)
  expect(load).toThrow(expect.objectContaining({ name: 'ConfigError' }) as Error)
})
