import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { fileSource } from '../../../../node-daemon/image/file-source.ts'
import { defaultHttpSourceOptions, httpSource } from '../../../../node-daemon/image/http-source.ts'
import type { OpenSource } from '../../../../node-daemon/image/image-source.ts'

const content = Buffer.from(Array.from({ length: 300_000 }, (_, index) => index % 251))

async function read(source: OpenSource, signal = new AbortController().signal) {
  const { body, totalBytes } = await source(signal)
  const chunks: Uint8Array[] = []
  for await (const chunk of body) chunks.push(chunk)
  return { bytes: Buffer.concat(chunks), totalBytes }
}

const failure = (work: Promise<unknown>) =>
  work.then(
    () => expect.unreachable('should have failed'),
    (error: unknown) => error as Error & { code: string },
  )

describe('an image behind HTTP', () => {
  let server: Server
  let url: string
  let handle: (request: IncomingMessage, response: ServerResponse) => void
  const requests: IncomingMessage[] = []
  beforeEach(async () => {
    requests.length = 0
    server = createServer((request, response) => {
      requests.push(request)
      handle(request, response)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/disk.img`
  })
  afterEach(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })

  const source = (overrides = {}) =>
    httpSource([url], { ...defaultHttpSourceOptions, stallTimeoutMs: 300, ...overrides })

  const headers = { 'content-length': content.length, 'accept-ranges': 'bytes', etag: '"v1"' }

  /** Sends the first part and breaks the connection. */
  function breakOff(response: ServerResponse, bytes: number, more = headers): void {
    response.writeHead(200, more)
    response.write(content.subarray(0, bytes), () => response.destroy())
  }

  function goOn(request: IncomingMessage, response: ServerResponse): void {
    const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1])
    response.writeHead(206, { 'content-range': `bytes ${start}-${content.length - 1}/${content.length}` })
    response.end(content.subarray(start))
  }

  test('arrives whole, uncompressed, with its length', async () => {
    handle = (_request, response) => response.writeHead(200, headers).end(content)
    expect(await read(source())).toEqual({ bytes: content, totalBytes: content.length })
    expect(requests[0]?.headers['accept-encoding']).toBe('identity')
  })

  test('arrives without a length too', async () => {
    handle = (_request, response) => response.writeHead(200).end(content)
    expect(await read(source())).toEqual({ bytes: content, totalBytes: undefined })
  })

  test('goes on where it broke off', async () => {
    handle = (request, response) =>
      requests.length === 1 ? breakOff(response, 100_000) : goOn(request, response)
    expect((await read(source())).bytes.equals(content)).toBe(true)
    expect(requests[1]?.headers).toMatchObject({ range: 'bytes=100000-', 'if-range': '"v1"' })
  })

  test('goes on where it stalled', async () => {
    handle = (request, response) => {
      if (requests.length > 1) return goOn(request, response)
      response.writeHead(200, headers)
      response.write(content.subarray(0, 100_000))
    }
    expect((await read(source())).bytes.equals(content)).toBe(true)
  })

  test('that changed meanwhile is not glued together', async () => {
    handle = (_request, response) =>
      requests.length === 1
        ? breakOff(response, 100_000)
        : response.writeHead(200, { ...headers, etag: '"v2"' }).end(content)
    expect(await failure(read(source()))).toMatchObject({
      code: 'source-unreachable',
      message: expect.stringMatching(/broke off after 100000 bytes$/),
    })
  })

  test('of a server that cannot go on has broken off', async () => {
    handle = (_request, response) => breakOff(response, 1_000, { ...headers, 'accept-ranges': 'none' })
    expect(await failure(read(source()))).toMatchObject({ code: 'source-unreachable' })
    expect(requests).toHaveLength(1)
  })

  test('that breaks off again and again is given up', async () => {
    handle = (request, response) => {
      if (requests.length === 1) return breakOff(response, 1_000)
      const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1])
      response.writeHead(206, { 'content-range': `bytes ${start}-${content.length - 1}/${content.length}` })
      response.write(content.subarray(start, start + 1_000), () => response.destroy())
    }
    expect(await failure(read(source({ maxResumes: 3 })))).toMatchObject({ code: 'source-unreachable' })
    expect(requests).toHaveLength(4)
  })

  test.each([404, 403, 500])('that is answered %d cannot be had', async (status) => {
    handle = (_request, response) => response.writeHead(status).end('no')
    const error = await failure(read(source()))
    expect(error.code).toBe('source-unreachable')
    expect(error.message).toContain(`answered ${status}`)
  })

  test('that moved is followed', async () => {
    handle = (request, response) =>
      request.url === '/disk.img'
        ? response.writeHead(302, { location: '/elsewhere' }).end()
        : response.writeHead(200, headers).end(content)
    expect((await read(source())).bytes.equals(content)).toBe(true)
  })

  test('that moves in circles is given up', async () => {
    handle = (_request, response) => response.writeHead(302, { location: '/disk.img' }).end()
    expect((await failure(read(source()))).message).toContain('more than 5 times')
  })

  test('that moves to a file of the host is refused', async () => {
    handle = (_request, response) => response.writeHead(302, { location: 'file:///etc/shadow' }).end()
    expect((await failure(read(source()))).message).toContain('neither http nor https')
  })

  test('of a server that says nothing is given up', async () => {
    handle = () => {}
    expect(await failure(read(source()))).toMatchObject({ code: 'source-unreachable' })
  })

  test('of a server that is not there is told without user and password', async () => {
    const secret = 'http://user:secret@127.0.0.1:1/disk.img?token=secret'
    const error = await failure(read(httpSource([secret], defaultHttpSourceOptions)))
    expect(error.code).toBe('source-unreachable')
    expect(error.message).toContain('127.0.0.1:1 cannot be reached')
    expect(error.message).not.toContain('secret')
  })

  test('stops when it is told to', async () => {
    const stop = new AbortController()
    handle = (_request, response) => {
      response.writeHead(200, headers)
      response.write(content.subarray(0, 1_000), () => stop.abort(new Error('stopped')))
    }
    expect(await failure(read(source({ stallTimeoutMs: 10_000 }), stop.signal))).toMatchObject({
      message: 'stopped',
    })
  })
})

describe('an image in the import directory', () => {
  let directory: string
  let importDir: string
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'kvorum-import-'))
    importDir = join(directory, 'import')
    await mkdir(join(importDir, 'linux'), { recursive: true })
    await writeFile(join(importDir, 'linux', 'disk.img'), content)
    await writeFile(join(directory, 'secret'), 'secret')
  })
  afterEach(() => rm(directory, { recursive: true }))

  test('arrives whole, with its length', async () => {
    expect(await read(fileSource(importDir, 'linux/disk.img'))).toEqual({
      bytes: content,
      totalBytes: content.length,
    })
  })

  test('may be a link within the directory', async () => {
    await symlink('linux/disk.img', join(importDir, 'newest'))
    expect((await read(fileSource(importDir, 'newest'))).bytes.equals(content)).toBe(true)
  })

  test.each([
    { what: 'a link out of the directory', link: '../secret' },
    { what: 'a link to somewhere else', link: '/etc/passwd' },
  ])('$what is refused', async ({ link }) => {
    await symlink(link, join(importDir, 'escape'))
    expect(await failure(read(fileSource(importDir, 'escape')))).toMatchObject({
      code: 'source-unreachable',
      message: 'escape is not in the import directory',
    })
  })

  test.each(['../secret', '../../etc/passwd', 'linux/../../secret'])('%s is refused', async (path) => {
    expect((await failure(read(fileSource(importDir, path)))).message).toMatch(
      /is not in the import directory/,
    )
  })

  test('a directory whose name begins like it is another one', async () => {
    await mkdir(join(directory, 'import-other'))
    await writeFile(join(directory, 'import-other', 'x'), 'secret')
    expect((await failure(read(fileSource(importDir, '../import-other/x')))).message).toMatch(
      /is not in the import directory/,
    )
  })

  test('that is not there is named, without telling where the directory is', async () => {
    const error = await failure(read(fileSource(importDir, 'none.img')))
    expect(error.message).toBe('the import directory has no file none.img')
  })

  test('that is a directory is refused', async () => {
    expect((await failure(read(fileSource(importDir, 'linux')))).message).toMatch(/is not a file/)
  })

  test('that is a pipe is refused and hangs nobody', async () => {
    await promisify(execFile)('mkfifo', [join(importDir, 'pipe')])
    expect((await failure(read(fileSource(importDir, 'pipe')))).message).toMatch(/is not a file/)
  })
})
