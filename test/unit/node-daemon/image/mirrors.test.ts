import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Agent } from 'undici'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { addressPolicy, deniedByDefault } from '../../../../node-daemon/image/address-policy.ts'
import { defaultHttpSourceOptions, httpSource } from '../../../../node-daemon/image/http-source.ts'
import type { OpenedImage, ResumePoint } from '../../../../node-daemon/storage/storage-driver.ts'

const content = Buffer.from(Array.from({ length: 300_000 }, (_, index) => index % 251))
const signal = new AbortController().signal
const options = { ...defaultHttpSourceOptions, stallTimeoutMs: 2_000 }

interface TestMirror {
  readonly url: string
  handle: (request: IncomingMessage, response: ServerResponse) => void
  readonly ranges: (string | undefined)[]
}

describe('an image with mirrors', () => {
  const servers: Server[] = []
  let one: TestMirror
  let two: TestMirror
  beforeEach(async () => {
    one = await aMirror()
    two = await aMirror()
  })
  afterEach(async () => {
    for (const server of servers.splice(0)) {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    }
  })

  async function aMirror(): Promise<TestMirror> {
    const server = createServer((request, response) => {
      mirror.ranges.push(request.headers.range)
      mirror.handle(request, response)
    })
    servers.push(server)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    const mirror: TestMirror = { url: `http://127.0.0.1:${port}/disk.img`, handle: whole(), ranges: [] }
    return mirror
  }

  const base = (etag: string) => ({ 'accept-ranges': 'bytes', etag })

  /** All of it, or the rest where the version is still the one that is asked for. */
  const whole =
    (etag = '"v1"'): TestMirror['handle'] =>
    ({ headers }, response) => {
      const start = Number(/^bytes=(\d+)-$/.exec(headers.range ?? '')?.[1] ?? Number.NaN)
      if (Number.isNaN(start) || headers['if-range'] !== etag) {
        response.writeHead(200, { ...base(etag), 'content-length': content.length }).end(content)
        return
      }
      const range = `bytes ${start}-${content.length - 1}/${content.length}`
      response.writeHead(206, { ...base(etag), 'content-range': range }).end(content.subarray(start))
    }

  const broken: TestMirror['handle'] = (_request, response) => {
    response.writeHead(200, { ...base('"v1"'), 'content-length': content.length })
    response.write(content.subarray(0, 100_000), () => response.destroy())
  }

  const refusing: TestMirror['handle'] = (_request, response) => response.writeHead(503).end()

  const open = (from?: ResumePoint) => httpSource([one.url, two.url], options)(signal, from)

  async function bytesOf({ body }: OpenedImage): Promise<Buffer> {
    const chunks: Uint8Array[] = []
    for await (const chunk of body) chunks.push(chunk)
    return Buffer.concat(chunks)
  }

  test('comes from the first that answers', async () => {
    one.handle = refusing
    expect((await bytesOf(await open())).equals(content)).toBe(true)
    expect(two.ranges).toEqual([undefined])
  })

  test('that none has says what the last one said', async () => {
    one.handle = refusing
    two.handle = (_request, response) => response.writeHead(404).end()
    await expect(open()).rejects.toMatchObject({
      code: 'source-unreachable',
      message: expect.stringMatching(/answered 404/),
    })
  })

  test('goes on from another one that has the same version', async () => {
    one.handle = (request, response) =>
      one.ranges.length === 1 ? broken(request, response) : refusing(request, response)
    expect((await bytesOf(await open())).equals(content)).toBe(true)
    expect(two.ranges).toEqual(['bytes=100000-'])
  })

  test('does not go on from one that has another version', async () => {
    one.handle = (request, response) =>
      one.ranges.length === 1 ? broken(request, response) : refusing(request, response)
    two.handle = whole('"v2"')
    await expect(open().then(bytesOf)).rejects.toMatchObject({
      message: expect.stringMatching(/broke off after 100000 bytes/),
    })
  })

  test('goes on in a later try from where the earlier one got', async () => {
    const { version = '' } = await open()
    const opened = await open({ offset: 200_000, version })
    expect(opened).toMatchObject({ offset: 200_000, totalBytes: content.length, version })
    expect((await bytesOf(opened)).equals(content.subarray(200_000))).toBe(true)
  })

  test('begins anew in a later try, at the next mirror, when nobody has the version any more', async () => {
    const { version = '' } = await open()
    one.handle = whole('"v2"')
    two.handle = whole('"v3"')
    const opened = await open({ offset: 200_000, version })
    expect(opened.offset).toBe(0)
    expect(opened.version).toContain('v3')
    expect((await bytesOf(opened)).equals(content)).toBe(true)
  })

  test.each(['', '{}', 'null', '{"validator":7,"mirror":0}'])(
    'kept state %j is no reason to fail',
    async (version) => {
      expect((await bytesOf(await open({ offset: 5, version }))).equals(content)).toBe(true)
    },
  )

  test('is refused when it is larger than allowed, whether or not it says so', async () => {
    const small = httpSource([one.url], { ...options, maxBytes: 100_000 })
    await expect(small(signal)).rejects.toMatchObject({ code: 'invalid-image' })
    one.handle = (_request, response) => response.writeHead(200).end(content)
    await expect(small(signal).then(bytesOf)).rejects.toMatchObject({ code: 'invalid-image' })
  })

  describe('where addresses are denied', () => {
    const policed = (url: string, allowed: readonly string[] = []) => {
      const addresses = addressPolicy({ denied: deniedByDefault, allowed })
      const dispatcher = new Agent({ connect: { lookup: addresses.lookup } })
      return httpSource([url], { ...options, addresses, dispatcher })(signal)
    }
    const denied = { code: 'source-unreachable', message: expect.stringMatching(/may not fetch images from/) }

    test('is not fetched from this host, by address or by name', async () => {
      const byName = one.url.replace('127.0.0.1', 'localhost')
      await expect(policed(one.url)).rejects.toMatchObject(denied)
      await expect(policed(byName)).rejects.toMatchObject(denied)
      expect(one.ranges).toEqual([])
    })

    test.each([
      'http://169.254.169.254/latest/meta-data',
      'http://[::ffff:169.254.169.254]/',
      'http://2130706433/',
      'http://0x7f.1/',
      'http://[::1]/',
      'http://[fe80::1]/',
    ])('is not fetched from %s', async (url) => {
      await expect(policed(url)).rejects.toMatchObject(denied)
    })

    test('is fetched from an address that is allowed', async () => {
      expect((await bytesOf(await policed(one.url, ['127.0.0.1']))).equals(content)).toBe(true)
    })

    test('does not follow a redirect there', async () => {
      one.handle = (_request, response) =>
        response.writeHead(302, { location: 'http://169.254.169.254/latest/meta-data' }).end()
      await expect(policed(one.url, ['127.0.0.1'])).rejects.toMatchObject(denied)
    })
  })
})

describe('address ranges', () => {
  test.each([
    ['10.1.2.3', false],
    ['192.0.2.1', true],
    ['10.9.0.1', true],
    ['2001:db8::1', false],
    ['::ffff:10.1.2.3', false],
  ])('%s is permitted: %s', (address, permitted) => {
    const policy = addressPolicy({ denied: ['10.0.0.0/8', '2001:db8::/32'], allowed: ['10.9.0.0/16'] })
    expect(policy.permits(address)).toBe(permitted)
  })

  test.each(['10.0.0.0/33', 'example', '10.0.0.0/8/8', '10.0.0.0/', ''])('%j is none', (range) => {
    expect(() => addressPolicy({ denied: [range], allowed: [] })).toThrow(RangeError)
  })
})
