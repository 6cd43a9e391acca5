import { execFile } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import { mkdtemp, open, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { WebSocket, WebSocketServer } from 'ws'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { systemClock } from '../../../apimachinery/clock.ts'
import { silentLogger } from '../../../apimachinery/log.ts'
import type { StatusError } from '../../../apimachinery/status-error.ts'
import { downloadDisk } from '../../../cli/commands/disk.ts'
import { type TransferDeps, uploadImage } from '../../../cli/commands/image.ts'
import type { CommandContext } from '../../../cli/context.ts'
import { Discovery, type ServedResource } from '../../../cli/discovery.ts'
import { LocalStorageDriver } from '../../../node-daemon/storage/local/local-storage-driver.ts'
import type { VolumeKey } from '../../../node-daemon/storage/storage-driver.ts'
import { type TransferObjects, transfers } from '../../../node-daemon/transfer/transfers.ts'
import { UploadDesk } from '../../../node-daemon/transfer/upload-desk.ts'
import { aDisk, anImage } from '../../support/builders.ts'

const run = promisify(execFile)
const mebibyte = 1024 ** 2
const signal = new AbortController().signal

const uploaded = anImage({ spec: { source: { http: undefined, upload: {} } } })
const images = new Map([
  [uploaded.metadata.name, uploaded],
  ['fetched', anImage()],
  ['done', { ...uploaded, status: { phase: 'Ready' as const } }],
])
const disk = aDisk({ status: { phase: 'Ready' } })
const imageKey: VolumeKey = { kind: 'image', uid: uploaded.metadata.uid }
const diskKey: VolumeKey = { kind: 'disk', uid: disk.metadata.uid }

let directory: string
let driver: LocalStorageDriver
let desk: UploadDesk
let server: Server
let sockets: WebSocketServer
let inUse: boolean
/** How often a connection is cut, and after how many bytes. */
let cuts: number
const cutAfter = 3 * mebibyte

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kvorum-transfers-'))
  driver = aDriver()
  await driver.attach()
  desk = new UploadDesk()
  inUse = false
  cuts = 0
  await serve()
})
afterEach(async () => {
  for (const client of sockets.clients) client.terminate()
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
  await rm(directory, { recursive: true })
})

const aDriver = () => new LocalStorageDriver({ directory: join(directory, 'default') })

/** Accepts as the daemon's own server does, and cuts connections as a network does. */
async function serve(): Promise<void> {
  const objects: TransferObjects = {
    findImage: (_namespace, name) => images.get(name),
    findDisk: (_namespace, name) => (name === disk.metadata.name ? disk : undefined),
    diskInUse: () => inUse,
    driver: () => driver,
  }
  const accept = transfers({ objects: () => objects, desk, clock: systemClock, log: silentLogger })
  sockets = new WebSocketServer({ noServer: true, maxPayload: mebibyte, perMessageDeflate: false })
  server = createServer()
  server.on('upgrade', (request, socket, head) => {
    try {
      const take = accept(request.url?.replace(/^\/apis\/kvorum\.dev/, '') ?? '')
      if (take === undefined) return void socket.end('HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n')
      if (cuts > 0) {
        cuts -= 1
        const { socket: tcp } = request
        const look = () => {
          if (Math.max(tcp.bytesRead, tcp.bytesWritten) > cutAfter) tcp.destroy()
        }
        tcp.on('data', look)
        const watch = setInterval(look, 1)
        tcp.once('close', () => clearInterval(watch))
      }
      sockets.handleUpgrade(request, socket, head, take)
    } catch (error) {
      const status = error as StatusError
      const body = JSON.stringify(status.toStatus())
      socket.end(`HTTP/1.1 ${status.code} X\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`)
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
}

const served = (plural: string, kind: string): ServedResource => ({
  group: 'kvorum.dev',
  version: 'v1alpha1',
  kind,
  plural,
  singular: kind.toLowerCase(),
  shortNames: [],
  categories: [],
  namespaced: true,
  verbs: ['get'],
  subresources: [],
})

const said: string[] = []
let phase: string

const context = {
  namespace: 'default',
  signal,
  discovery: async () => new Discovery([served('images', 'Image'), served('disks', 'Disk')]),
  api: { json: async () => ({ status: { phase } }) },
  print: (text: string) => void said.push(text),
  error: (line: string) => void said.push(line),
} as unknown as CommandContext

const deps: TransferDeps = {
  openWebSocket: async (path) =>
    new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}${path}`, {
      perMessageDeflate: false,
    }),
  progress: { at() {}, end() {} },
  sleep: (_ms, until) => sleep(10, undefined, { signal: until }),
  maxTries: 10,
}

async function aFile(bytes: Buffer): Promise<string> {
  const path = join(directory, 'disk.raw')
  await writeFile(path, bytes)
  return path
}

const sha256 = (bytes: Buffer) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`

/** Imports again and again, as the reconciler does, until it is done. */
async function importing(): Promise<string> {
  for (;;) {
    if (!desk.has(uploaded.metadata.uid)) {
      await sleep(5)
      continue
    }
    const source = { format: undefined, checksum: undefined, onProgress() {} }
    try {
      const open = desk.source(uploaded.metadata.uid)
      const { digest } = await driver.importImage(imageKey, { ...source, open }, signal)
      phase = 'Ready'
      return digest
    } catch (error) {
      // A new daemon takes over where the one before it stopped.
      if ((error as { code?: string }).code !== 'source-unreachable') throw error
      driver = aDriver()
    }
  }
}

describe('uploading an image', () => {
  beforeEach(() => {
    said.length = 0
    phase = 'Importing'
  })
  const upload = (path: string) => uploadImage(context, { name: uploaded.metadata.name, path }, deps)

  test('brings all of it', async () => {
    const bytes = randomBytes(8 * mebibyte)
    const [digest] = await Promise.all([importing(), upload(await aFile(bytes))])
    expect(digest).toBe(sha256(bytes))
    expect(said.at(-1)).toContain('uploaded')
  })

  test('goes on after cuts, in new daemons, without sending again what arrived', async () => {
    cuts = 3
    const bytes = randomBytes(16 * mebibyte)
    const [digest] = await Promise.all([importing(), upload(await aFile(bytes))])
    expect(digest).toBe(sha256(bytes))
    expect(said.filter((line) => line.includes('trying again'))).toHaveLength(3)
    expect(await readdir(join(directory, 'default/images'))).toHaveLength(2)
  })

  test.each([
    { name: 'none', reason: 'NotFound' },
    { name: 'fetched', reason: 'BadRequest' },
    { name: 'done', reason: 'Conflict' },
  ])('is refused for an image that is $name', async ({ name, reason }) => {
    const path = await aFile(randomBytes(1024))
    await expect(uploadImage(context, { name, path }, deps)).rejects.toMatchObject({ reason })
  })

  test('of a file that is no image says why', async () => {
    const path = await aFile(Buffer.from('vhdxfile and so on'))
    const refused = importing().catch((error: unknown) => {
      phase = 'Failed'
      return error
    })
    await expect(upload(path)).rejects.toThrow('the image was refused')
    expect(await refused).toMatchObject({ code: 'invalid-image' })
    expect(await readdir(join(directory, 'default/images'))).toEqual([])
  })

  test('of a file that cannot be read says so', async () => {
    await expect(upload(join(directory, 'none'))).rejects.toThrow('cannot be read: ENOENT')
  })

  test('by two at once is refused to the second', async () => {
    const withdraw = desk.offer(uploaded.metadata.uid, {
      totalBytes: 1,
      fingerprint: 'x',
      begin: () => never(),
    })
    const once = { ...deps, maxTries: 1 }
    const path = await aFile(randomBytes(1024))
    const second = uploadImage(context, { name: uploaded.metadata.name, path }, once)
    await expect(second).rejects.toThrow('somebody else is uploading')
    withdraw()
    expect(desk.has(uploaded.metadata.uid)).toBe(false)
  })
})

async function* never(): AsyncGenerator<Uint8Array> {}

describe('downloading a disk', () => {
  const content = randomBytes(16 * mebibyte)
  beforeEach(async () => {
    said.length = 0
    const spec = {
      format: 'raw',
      capacityBytes: content.length,
      preallocate: false,
      image: undefined,
    } as const
    const made = await driver.createDisk(diskKey, spec)
    await writeFile(made.path, content)
    // What follows is later than the change of the disk, whatever the file system's clock resolves.
    await run('touch', ['-d', '1 minute ago', made.path])
  })
  const target = () => join(directory, 'got.qcow2')
  const download = (overrides: Partial<TransferDeps> = {}) =>
    downloadDisk(context, { name: disk.metadata.name, path: target() }, { ...deps, ...overrides })

  async function contentOfTarget(): Promise<Buffer> {
    const raw = join(directory, 'got.raw')
    await run('qemu-img', ['convert', '-f', 'qcow2', '-O', 'raw', target(), raw])
    return readFile(raw)
  }

  test('brings one qcow2 file, and leaves nothing beside it', async () => {
    await download()
    expect((await contentOfTarget()).equals(content)).toBe(true)
    await expect.poll(() => readdir(join(directory, 'default/disks'))).toEqual([`${diskKey.uid}.raw`])
    expect((await readdir(directory)).toSorted()).toEqual(['default', 'got.qcow2', 'got.raw'])
  })

  test('goes on after cuts', async () => {
    cuts = 3
    await download()
    expect((await contentOfTarget()).equals(content)).toBe(true)
    expect(said.filter((line) => line.includes('trying again')).length).toBeGreaterThanOrEqual(1)
  })

  test('goes on when the command is given again', async () => {
    cuts = 1
    await expect(download({ maxTries: 1 })).rejects.toMatchObject({ name: 'BrokenOff' })
    const { size } = await stat(`${target()}.partial`)
    expect(size).toBeGreaterThan(0)
    await download()
    expect((await contentOfTarget()).equals(content)).toBe(true)
  })

  test('begins anew when the disk has changed meanwhile', async () => {
    cuts = 1
    await expect(download({ maxTries: 1 })).rejects.toMatchObject({ name: 'BrokenOff' })
    const { path = '' } = (await driver.statVolume(diskKey)) ?? {}
    const file = await open(path, 'r+')
    await file.write(Buffer.alloc(mebibyte, 9), 0, mebibyte, 0)
    await file.close()
    await run('touch', ['-d', '1 minute', path])
    await download()
    const changed = Buffer.from(content)
    changed.fill(9, 0, mebibyte)
    expect((await contentOfTarget()).equals(changed)).toBe(true)
  })

  test('is refused while a machine uses the disk', async () => {
    inUse = true
    await expect(download()).rejects.toMatchObject({ reason: 'Conflict' })
  })

  test('does not overwrite a file', async () => {
    await writeFile(target(), 'mine')
    await expect(download()).rejects.toThrow('is there already')
    expect(await readFile(target(), 'utf8')).toBe('mine')
  })

  test('of a disk that is deleted leaves nothing in the domain', async () => {
    cuts = 1
    await expect(download({ maxTries: 1 })).rejects.toMatchObject({ name: 'BrokenOff' })
    await driver.removeVolume(diskKey)
    expect(await readdir(join(directory, 'default/disks'))).toEqual([])
  })

  test('of sparse disks does not send their zeros', async () => {
    const { path = '' } = (await driver.statVolume(diskKey)) ?? {}
    await truncate(path, 0)
    await truncate(path, 64 * mebibyte)
    await run('touch', ['-d', '1 minute ago', path])
    await download()
    expect((await stat(target())).size).toBeLessThan(mebibyte)
  })
})
