import { X509Certificate } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { connect as openHttp2, type ClientHttp2Session } from 'node:http2'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, type TLSSocket } from 'node:tls'
import { Registry } from 'prom-client'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Client } from '../../../apimachinery/client/client.ts'
import { configFromText } from '../../../apimachinery/client/config.ts'
import { httpClient } from '../../../apimachinery/client/http-client.ts'
import { hosts } from '../../../apimachinery/client/resources.ts'
import { silentLogger } from '../../../apimachinery/log.ts'
import { StatusError } from '../../../apimachinery/status-error.ts'
import { kubeconfig } from '../../../apiserver/certificates/kubeconfig.ts'
import { belongTogether, readKeyPair } from '../../../apiserver/certificates/read-key-pair.ts'
import { dialDaemon } from '../../../apiserver/console/daemon-address.ts'
import { startConsoleServer, type ConsoleServer } from '../../../node-daemon/console/console-server.ts'
import { NodeCredentials } from '../../../node-daemon/credentials/node-credentials.ts'
import { noDisplays } from '../../../node-daemon/hypervisor/fake/fake-displays.ts'
import { servingTls } from '../../../node-daemon/credentials/serving-tls.ts'
import { startTestApiServer, type TestApiServer } from '../../support/apiserver.ts'
import { manualClock, type ManualClock } from '../../support/clock.ts'
import { until } from '../../support/kvorum-system-until.ts'
import { clientCertificate } from '../../support/node-client.ts'

/*
 * The life of certificates by a clock that the test moves. TLS itself looks at the real clock: certificates are dated
 * back so far that it never minds, and their end is judged by the moved clock alone.
 */

const hourMs = 60 * 60 * 1000
const dayMs = 24 * hourMs
const hostName = 'host-1'
const flags = {
  'certificate-duration': '168h',
  'cluster-signing-duration': '168h',
  'certificate-backdate': '4800h',
}

let clock: ManualClock
let server: TestApiServer
let directory: string
let stopping: AbortController
let keeping: Promise<void>[]

beforeEach(async () => {
  clock = manualClock(Date.now())
  directory = await mkdtemp(join(tmpdir(), 'kvorum-life-'))
  server = await startTestApiServer({ clock, installCrds: 'crds', flags })
  stopping = new AbortController()
  keeping = []
})

afterEach(async () => {
  stopping.abort(new Error('the test is over'))
  await Promise.all(keeping)
  await server.close()
  await rm(directory, { recursive: true, force: true })
})

async function openCredentials({ bootstrap }: { bootstrap: boolean }): Promise<NodeCredentials> {
  const place = { server: server.url, credentials: async () => ({ ca: server.caPem, headers: {} }) }
  const joining = await clientCertificate(server, 'joining', 'system:bootstrappers')
  const enrol = kubeconfig({ name: 'join', server: server.url, authority: server.caPem, client: joining })
  const credentials = new NodeCredentials(
    {
      hostName,
      directory,
      server: place,
      bootstrap: bootstrap ? configFromText(enrol) : undefined,
      serving: true,
      lifeMs: 2 * dayMs,
    },
    { connect: (config) => httpClient(config), clock, log: silentLogger },
  )
  await credentials.load()
  return credentials
}

function keep(credentials: NodeCredentials): AbortController {
  const stop = new AbortController()
  stopping.signal.addEventListener('abort', () => stop.abort(stopping.signal.reason), { once: true })
  keeping.push(credentials.keep(stop.signal))
  return stop
}

// Everybody looks at the calendar once a minute.
const lookMs = 2 * 60 * 1000

/** Time passes, and whoever wants a certificate then gets it. */
async function pass(ms: number, credentials: NodeCredentials): Promise<void> {
  clock.jumpWallClock(ms - lookMs)
  await clock.advance(lookMs)
  await until(() => !credentials.asking, 'the daemon to have its certificates')
}

const enrolled = (credentials: NodeCredentials) =>
  until(() => !credentials.asking && credentials.serving.current !== undefined, 'the daemon to be enrolled')

async function register(client: Client): Promise<void> {
  const spec = { hostCluster: { name: 'default' }, schedulable: true }
  await client.create(hosts, {
    apiVersion: 'kvorum.dev/v1alpha1',
    kind: 'Host',
    metadata: { name: hostName },
    spec,
  })
}

/** The certificate that the other end shows; rejects when the connection fails. */
function shownBy(open: Promise<TLSSocket>): Promise<X509Certificate> {
  return open.then((socket) => {
    const certificate = socket.getPeerX509Certificate()
    socket.destroy()
    if (certificate === undefined) throw new Error('no certificate was shown')
    return certificate
  })
}

function openServer(): Promise<TLSSocket> {
  const { hostname, port } = new URL(server.url)
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port), ca: server.caPem }, () => resolve(socket))
    socket.once('error', reject)
  })
}

async function openDaemon({ port }: ConsoleServer): Promise<TLSSocket> {
  const file = (kind: string) => join(server.directory, `apiserver-daemon-client.${kind}`)
  // Two files are never replaced in the same moment: whoever reads them looks whether they fit, as the server does.
  const { certificate, key } = await until(async () => {
    const pair = await readKeyPair(file('crt'), file('key'))
    return pair && belongTogether(pair) && pair
  }, 'the certificate of the API server')
  expectValid(new X509Certificate(certificate))
  const dial = dialDaemon(() => ({ ca: server.caPem, certificate, key }))
  const address = { host: hostName, address: '127.0.0.1', port }
  return (await dial(address, stopping.signal)) as TLSSocket
}

function expectValid({ validFrom, validTo, subject }: X509Certificate): void {
  const now = clock.now()
  if (Date.parse(validFrom) > now || Date.parse(validTo) < now)
    throw new Error(`the certificate of ${subject} is not valid: ${validFrom} to ${validTo}`)
}

/** One connection that is never opened again, with a certificate that outlives the test. */
async function longSession(): Promise<ClientHttp2Session> {
  const { certificate, key } = await clientCertificate(server, 'patient', 'system:masters')
  return openHttp2(server.url, { ca: server.caPem, cert: certificate, key })
}

function statusOn(session: ClientHttp2Session): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ':path': '/apis/kvorum.dev/v1alpha1/hosts' })
    stream.once('response', ({ ':status': status }) => resolve(status))
    stream.once('error', reject)
    stream.resume()
  })
}

/** As kubectl does: the kubeconfig is read for every command. */
async function asAdministrator<T>(work: (client: Client) => Promise<T>): Promise<T> {
  const text = await readFile(join(server.directory, 'admin.kubeconfig'), 'utf8')
  const client = httpClient(configFromText(text))
  try {
    return await work(client)
  } finally {
    await client.close()
  }
}

describe('thirty days of certificates that live for two and seven', () => {
  test('pass without a connection that fails', async () => {
    const credentials = await openCredentials({ bootstrap: true })
    keep(credentials)
    await enrolled(credentials)
    const client = httpClient(credentials.client)
    await register(client)
    const consoles = await startConsoleServer(
      { address: '127.0.0.1', port: 0, tls: servingTls(noFiles, credentials) },
      {
        hypervisor: { openConsole },
        displays: noDisplays(),
        findRun: () => undefined,
        registry: new Registry(),
        clock,
        log: silentLogger,
      },
    )
    const session = await longSession()
    const seen = { server: new Set<string>(), daemon: new Set<string>(), client: new Set<string>() }

    for (let hours = 0; hours < 30 * 24; hours += 3) {
      await pass(3 * hourMs, credentials)

      const shown = await shownBy(openServer())
      expectValid(shown)
      seen.server.add(shown.serialNumber)
      const console = await shownBy(openDaemon(consoles))
      expectValid(console)
      seen.daemon.add(console.serialNumber)
      await client.get(hosts, { name: hostName })
      const { cert } = await credentials.client.credentials()
      seen.client.add(new X509Certificate(cert ?? '').serialNumber)
      await asAdministrator((admin) => admin.list(hosts))
      expect(await statusOn(session)).toBe(200)
    }

    // A week's are renewed after five days and a quarter, those of two days after a day and a half.
    expect(seen.server.size).toBeGreaterThanOrEqual(5)
    expect(seen.daemon.size).toBeGreaterThanOrEqual(16)
    expect(seen.client.size).toBeGreaterThanOrEqual(16)
    session.close()
    await consoles.close()
    await client.close()
  }, 300_000)
})

const noFiles = { tlsCertFile: undefined, tlsPrivateKeyFile: undefined, clientCaFile: undefined }
const openConsole = () => Promise.reject(new Error('there is no console'))

describe('a host that was off for longer than its certificate lives', () => {
  let client: Client
  afterEach(() => client?.close())

  async function offFor(ms: number): Promise<NodeCredentials> {
    const before = await openCredentials({ bootstrap: true })
    const off = keep(before)
    await enrolled(before)
    client = httpClient(before.client)
    await register(client)
    off.abort(new Error('the power is gone'))
    await keeping.pop()
    clock.jumpWallClock(ms)
    await clock.advance(lookMs)
    await client.close()
    const after = await openCredentials({ bootstrap: false })
    client = httpClient(after.client)
    return after
  }

  test('may do nothing with its expired certificate', async () => {
    await offFor(90 * dayMs)

    const refused = client.get(hosts, { name: hostName })

    await expect(refused).rejects.toThrow(StatusError)
    await expect(refused).rejects.toThrow(/its certificate has expired: it may only ask for a new one/)
  })

  test('recovers by itself, with nothing but that', async () => {
    const credentials = await offFor(90 * dayMs)
    const expired = credentials.client

    keep(credentials)

    await until(
      () => client.get(hosts, { name: hostName }).then(Boolean, () => false),
      'the daemon to get in again',
    )
    expect(expired.server).toBe(server.url)
  })

  test('stays out when its Host was deleted, until it is enrolled anew', async () => {
    const credentials = await offFor(90 * dayMs)
    const removed = () => asAdministrator((admin) => admin.delete(hosts, { name: hostName }))
    await until(
      () =>
        removed().then(
          () => true,
          () => false,
        ),
      "the administrator's certificate to be renewed, too",
    )

    const stop = keep(credentials)
    await until(() => !credentials.asking, 'the daemon to be refused')
    await expect(client.get(hosts, { name: hostName })).rejects.toThrow(StatusError)
    stop.abort(new Error('somebody looks at it'))
    const anew = await openCredentials({ bootstrap: true })
    keep(anew)

    const again = httpClient(anew.client)
    await until(
      () =>
        register(again).then(
          () => true,
          () => false,
        ),
      'the daemon to register anew',
    )
    await again.close()
  })

  test('stays out after more than a year', async () => {
    await offFor(400 * dayMs)

    await expect(client.get(hosts, { name: hostName })).rejects.toThrow(/Unauthorized/)
  })
})
