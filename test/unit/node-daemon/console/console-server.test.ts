import { mkdtemp, rm } from 'node:fs/promises'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Duplex } from 'node:stream'
import { Registry } from 'prom-client'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { systemClock } from '../../../../apimachinery/clock.ts'
import { silentLogger } from '../../../../apimachinery/log.ts'
import { CertificateDirectory } from '../../../../apiserver/certificates/certificate-directory.ts'
import { type ConsoleServer, startConsoleServer } from '../../../../node-daemon/console/console-server.ts'
import { tlsFromFiles } from '../../../../node-daemon/credentials/serving-tls.ts'
import { HypervisorError } from '../../../../node-daemon/hypervisor/hypervisor.ts'
import { type ManualClock, manualClock } from '../../../support/clock.ts'
import { aPlacedRun, uuid } from '../support.ts'

type Client = 'apiserver' | 'admin' | 'somebody'

let directory: string
let files: { ca: string; key: string; cert: string }
const clients = new Map<Client, { cert: string; key: string }>()
let ca: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kvorum-console-'))
  const pki = new CertificateDirectory(directory, systemClock)
  await pki.certificate('daemon', { commonName: 'host-1', usage: 'server', hosts: ['127.0.0.1', 'host-1'] })
  const path = (name: string) => join(directory, name)
  files = { ca: path('ca.crt'), key: path('daemon.key'), cert: path('daemon.crt') }
  ca = (await pki.authority()).certificate
  for (const [name, commonName, organizations] of [
    ['apiserver', 'kvorum:apiserver', []],
    ['admin', 'anna', ['system:masters']],
    ['somebody', 'bob', ['developers']],
  ] as const) {
    const made = await pki.certificate(name, {
      commonName,
      usage: 'client',
      organizations: [...organizations],
    })
    clients.set(name, { cert: made.certificate, key: made.key })
  }
})
afterAll(() => rm(directory, { recursive: true }))

let server: ConsoleServer
let clock: ManualClock
let console: Duplex
let openConsole: (uuid: string) => Promise<Duplex>
let openDisplay: (uuid: string) => Promise<Duplex>
let screenshot: (uuid: string) => Promise<Buffer>
const typed: Buffer[] = []

function anEcho(): Duplex {
  return new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      typed.push(chunk)
      this.push(chunk)
      done()
    },
  })
}

beforeEach(async () => {
  typed.length = 0
  clock = manualClock()
  console = anEcho()
  openConsole = async () => console
  openDisplay = async () => console
  screenshot = async () => Buffer.from('an image')
  const registry = new Registry()
  const runs = new Map([
    ['default/vm-1', aPlacedRun({ status: { phase: 'Running' } })],
    ['default/off', aPlacedRun({ status: { phase: 'Failed' } })],
  ])
  server = await startConsoleServer(
    {
      address: '127.0.0.1',
      port: 0,
      tls: tlsFromFiles({ certFile: files.cert, keyFile: files.key, clientCaFile: files.ca }),
    },
    {
      hypervisor: { openConsole: (id) => openConsole(id) },
      displays: { openDisplay: (id) => openDisplay(id), screenshot: (id) => screenshot(id) },
      findRun: (namespace, name) => runs.get(`${namespace}/${name}`),
      registry,
      clock,
      log: silentLogger,
    },
  )
})
afterEach(() => server.close())

const pathOf = (name: string, part = 'console') =>
  `/v1alpha1/namespaces/default/virtualmachineinstances/${name}/${part}`

function connect(name = 'vm-1', client: Client | 'nobody' = 'apiserver', part = 'console'): WebSocket {
  const credentials = client === 'nobody' ? undefined : clients.get(client)
  return new WebSocket(`wss://127.0.0.1:${server.port}${pathOf(name, part)}`, ['binary'], {
    ca,
    ...credentials,
  })
}

function opened(socket: WebSocket): Promise<WebSocket> {
  return new Promise((resolve, reject) => {
    socket.once('open', () => resolve(socket))
    socket.once('error', reject)
  })
}

/** The status code and body with which an upgrade is refused. */
function refusal(socket: WebSocket): Promise<{ code: number; body: string }> {
  return new Promise((resolve, reject) => {
    socket.once('error', reject)
    socket.once('unexpected-response', (_request, response) => {
      let body = ''
      response.on('data', (chunk: Buffer) => (body += chunk.toString()))
      response.on('end', () => resolve({ code: response.statusCode ?? 0, body }))
    })
  })
}

function get(path: string, client: Client): Promise<{ code: number; body: string }> {
  return new Promise((resolve, reject) => {
    const ask = request(
      { host: '127.0.0.1', port: server.port, path, ca, agent: false, ...clients.get(client) },
      (response) => {
        let body = ''
        response.on('data', (chunk: Buffer) => (body += chunk.toString()))
        response.on('end', () => resolve({ code: response.statusCode ?? 0, body }))
      },
    )
    ask.on('error', reject)
    ask.end()
  })
}

const message = (socket: WebSocket) =>
  new Promise<string>((resolve) => socket.once('message', (data: Buffer) => resolve(data.toString())))
const closed = (socket: WebSocket) => new Promise<number>((resolve) => socket.once('close', resolve))

describe('the console of a machine', () => {
  test.each(['apiserver', 'admin'] as const)('is opened to %s, both ways', async (client) => {
    let asked: string | undefined
    openConsole = async (id) => {
      asked = id
      return console
    }
    const socket = await opened(connect('vm-1', client))
    const answer = message(socket)
    socket.send(Buffer.from('ls\r'))
    expect(await answer).toBe('ls\r')
    expect(asked).toBe(uuid)
    socket.terminate()
  })

  test('is not for anybody else', async () => {
    expect(await refusal(connect('vm-1', 'somebody'))).toMatchObject({ code: 403 })
  })

  test('is not for whoever shows no certificate', async () => {
    await expect(opened(connect('vm-1', 'nobody'))).rejects.toThrow(
      /certificate required|socket hang up|ECONNRESET|closed/,
    )
  })

  test('of a machine that is not here is not found', async () => {
    const { code, body } = await refusal(connect('vm-2'))
    expect(code).toBe(404)
    expect(JSON.parse(body)).toMatchObject({ kind: 'Status', reason: 'NotFound' })
  })

  test('of a machine that does not run cannot be opened', async () => {
    expect(await refusal(connect('off'))).toMatchObject({ code: 400 })
  })

  test('that the hypervisor does not give is an answer, not a hang', async () => {
    openConsole = async () => {
      throw new HypervisorError('failed', 'the domain has no console')
    }
    const { code, body } = await refusal(connect())
    expect(code).toBe(503)
    expect(JSON.parse(body)).toMatchObject({
      message: 'the console cannot be opened: the domain has no console',
    })
  })

  test('ends with the machine', async () => {
    const socket = await opened(connect())
    const end = closed(socket)
    console.destroy()
    expect(await end).toBe(1000)
  })

  test('is given back when the client leaves', async () => {
    const socket = await opened(connect())
    const ended = new Promise((resolve) => console.once('close', resolve))
    socket.close()
    await ended
  })

  test('is taken from a client that is silent', async () => {
    // ws answers pings by itself; a dead client does not.
    const dead = new WebSocket(`wss://127.0.0.1:${server.port}${pathOf('vm-1')}`, {
      ca,
      ...clients.get('apiserver'),
      autoPong: false,
    })
    await opened(dead)
    const end = closed(dead)
    const pinged = new Promise((resolve) => dead.once('ping', resolve))
    await clock.advance(30_000)
    await pinged
    await clock.advance(30_000)
    expect(await end).toBe(1006)
    expect(console.destroyed).toBe(true)
  })

  test('a client that reads slowly slows the machine down instead of filling memory', async () => {
    const flood = Buffer.alloc(256 * 1024, 'x')
    let produced = 0
    console = new Duplex({
      read() {
        // As much as is asked for, and no more.
        if (produced < 2 ** 30) {
          produced += flood.length
          this.push(flood)
        }
      },
      write(_chunk, _encoding, done) {
        done()
      },
    })
    const socket = await opened(connect())
    socket.pause()
    let before = -1
    while (before !== produced) {
      before = produced
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    expect(produced).toBeLessThan(64 * 1024 ** 2)
    socket.terminate()
  })

  test('frames beyond a mebibyte end the connection', async () => {
    const socket = await opened(connect())
    const end = closed(socket)
    socket.on('error', () => {})
    socket.send(Buffer.alloc(2 * 1024 ** 2))
    expect(await end).toBe(1009)
    expect(typed).toEqual([])
  })
})

describe('the screen of a machine', () => {
  test('is opened, and what its server says first is not lost', async () => {
    openDisplay = async (id) => {
      expect(id).toBe(uuid)
      console.push('RFB 003.008\n')
      return console
    }
    const socket = connect('vm-1', 'apiserver', 'vnc')
    const first = message(socket)
    await opened(socket)
    expect(socket.protocol).toBe('binary')
    expect(await first).toBe('RFB 003.008\n')
    const answer = message(socket)
    socket.send(Buffer.from('RFB 003.008\n'))
    expect(await answer).toBe('RFB 003.008\n')
    socket.terminate()
  })

  test('that there is not is a mistake of whoever asks', async () => {
    openDisplay = async () => {
      throw new HypervisorError('conflict', 'machine vm-1 has no screen: its video is none')
    }
    const { code, body } = await refusal(connect('vm-1', 'apiserver', 'vnc'))
    expect(code).toBe(400)
    expect(JSON.parse(body)).toMatchObject({
      message: 'the console cannot be opened: machine vm-1 has no screen: its video is none',
    })
  })

  test('is not for anybody else', async () => {
    expect(await refusal(connect('vm-1', 'somebody', 'vnc'))).toMatchObject({ code: 403 })
    expect(await get(pathOf('vm-1', 'screenshot'), 'somebody')).toMatchObject({ code: 403 })
  })

  test('can be had as an image', async () => {
    expect(await get(pathOf('vm-1', 'screenshot'), 'apiserver')).toEqual({ code: 200, body: 'an image' })
  })

  test.each([
    ['vm-2', 'screenshot', 404],
    ['off', 'screenshot', 400],
    ['vm-1', 'vnc', 400],
    ['vm-1', 'status', 404],
  ])('of %s by a plain GET of %s is refused with %i', async (name, part, code) => {
    expect(await get(pathOf(name, part), 'apiserver')).toMatchObject({ code })
  })

  test('whose image the hypervisor does not give is an answer, not a hang', async () => {
    screenshot = async () => {
      throw new HypervisorError('timeout', 'QEMU does not answer')
    }
    expect(await get(pathOf('vm-1', 'screenshot'), 'apiserver')).toMatchObject({ code: 503 })
  })

  test('whose image is asked for as a connection is refused', async () => {
    expect(await refusal(connect('vm-1', 'apiserver', 'screenshot'))).toMatchObject({ code: 400 })
  })
})

describe('beside consoles', () => {
  test('health is for every client that the authority knows', async () => {
    expect(await get('/healthz', 'somebody')).toEqual({ code: 200, body: 'ok' })
  })

  test('figures are not', async () => {
    expect(await get('/metrics', 'somebody')).toMatchObject({ code: 403 })
    expect(await get('/metrics', 'admin')).toMatchObject({ code: 200 })
  })

  test('nothing else is there', async () => {
    expect(await get('/etc/passwd', 'admin')).toMatchObject({ code: 404 })
  })
})
