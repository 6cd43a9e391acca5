import { once } from 'node:events'
import { buffer } from 'node:stream/consumers'
import { describe, expect, test } from 'vitest'
import { DisconnectedError, LibvirtConnection, LibvirtError, ProtocolError } from '../../src/index.ts'
import { MessageType, encodeFrame, headerLength } from '../../src/frame.ts'
import type { Frame } from '../../src/frame.ts'
import { remoteProgram } from '../../src/procedure.ts'
import { FakeDaemon } from '../fixtures/fake-daemon.ts'
import type { FakeClient } from '../fixtures/fake-daemon.ts'

async function opened(options: { keepAlive?: false | { interval: number; count: number } } = {}) {
  const daemon = new FakeDaemon()
  await daemon.listen()
  const connection = await LibvirtConnection.open(daemon.uri, { keepAlive: false, ...options })
  return {
    daemon,
    connection,
    [Symbol.asyncDispose]: async () => {
      connection.rpc.destroy()
      await daemon[Symbol.asyncDispose]()
    },
  }
}

/** What ends the whole connection: every pending call hears of it, with the cause. */
describe('a daemon that cannot be understood is left', () => {
  const garbage = (change: (bytes: Buffer) => void) => {
    const bytes = encodeFrame({ program: remoteProgram, procedure: 6, type: 1, serial: 99, status: 0 })
    change(bytes)
    return bytes
  }
  test.each<[string, (client: FakeClient, frame: Frame) => void]>([
    ['a length of 3', (client) => client.raw(garbage((bytes) => bytes.writeUInt32BE(3, 0)))],
    ['a length of 4 GiB', (client) => client.raw(Buffer.from('ffffffff', 'hex'))],
    ['a packet of 33 MB', (client) => client.raw(garbage((bytes) => bytes.writeUInt32BE(33_554_437, 0)))],
    ['an unknown packet type', (client) => client.raw(garbage((bytes) => bytes.writeInt32BE(9, 16)))],
    ['a call from the daemon', (client) => client.raw(garbage((bytes) => bytes.writeInt32BE(0, 16)))],
    ['a reply to a call that was never made', (client) => client.raw(garbage(() => {}))],
    [
      'data for a stream that was never opened',
      (client) => client.raw(garbage((b) => b.writeInt32BE(3, 16))),
    ],
  ])('%s', async (_name, misbehave) => {
    await using setup = await opened()
    setup.daemon.on('connectGetHostname', misbehave)
    const closed = once(setup.connection, 'close')
    const calls = await Promise.allSettled([
      setup.connection.call('connectGetHostname'),
      setup.connection.call('connectGetUri'),
    ])
    for (const call of calls) {
      const reason: unknown = call.status === 'rejected' ? call.reason : undefined
      expect(reason).toBeInstanceOf(DisconnectedError)
      expect((reason as Error).cause).toBeInstanceOf(ProtocolError)
    }
    const [why] = (await closed) as unknown[]
    expect(why).toBeInstanceOf(ProtocolError)
    await expect(setup.connection.call('connectGetUri')).rejects.toThrow(DisconnectedError)
  })

  test('a packet that breaks off in the middle', async () => {
    await using setup = await opened()
    setup.daemon.on('connectGetHostname', (client, frame) => {
      const whole = encodeFrame({ ...frame, type: MessageType.reply }, Buffer.alloc(1000))
      client.socket.end(whole.subarray(0, 500))
    })
    await expect(setup.connection.call('connectGetHostname')).rejects.toThrow(
      /libvirt closed the connection \(during connectGetHostname, outcome unknown\)/,
    )
  })
})

/** What concerns one call only: the connection lives on. */
describe('one bad answer does not end the connection', () => {
  test.each<[string, (client: FakeClient, frame: Frame) => void, RegExp]>([
    [
      'a reply of another procedure',
      (client, frame) => client.reply({ ...frame, procedure: 4711 }),
      /one to procedure 4711/,
    ],
    [
      'a reply of another program',
      (client, frame) => client.reply({ ...frame, program: 1 }),
      /one to procedure/,
    ],
    ['a reply that ends early', (client, frame) => client.reply(frame), /ends 4 bytes too early/],
    [
      'a reply whose text is longer than it',
      (client, frame) => client.reply(frame, (w) => w.uint(4_000_000)),
      /too early/,
    ],
    [
      'a reply whose text is longer than allowed',
      (client, frame) => client.reply(frame, (w) => w.uint(5_000_000)),
      /exceeds the protocol's/,
    ],
    [
      'an error that ends early',
      (client, frame) => client.raw(encodeFrame({ ...frame, type: 1, status: 1 }, Buffer.alloc(8))),
      /error reply/,
    ],
  ])('%s', async (_name, misbehave, message) => {
    await using setup = await opened()
    setup.daemon.on('connectGetHostname', misbehave)
    const error = await setup.connection.call('connectGetHostname').catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(ProtocolError)
    expect(String(error)).toMatch(message)
    setup.daemon.answerHostname('still here')
    expect(await setup.connection.call('connectGetHostname')).toEqual({ hostname: 'still here' })
  })

  test('an older daemon without the procedure', async () => {
    await using setup = await opened()
    setup.daemon.on('domainSaveParams', (client, frame) => client.fail(frame, 39, 'unknown procedure: 440'))
    const call = setup.connection.call('domainSaveParams', { dom: aDomain, params: [] })
    const error = await call.catch((reason: unknown) => reason)
    expect(LibvirtError.is(error, 39)).toBe(true)
    expect(error).toMatchObject({ codeName: 'VIR_ERR_RPC', procedure: 'domainSaveParams' })
    expect(setup.connection.isOpen).toBe(true)
  })

  test('an error of a code that this release does not know', async () => {
    await using setup = await opened()
    setup.daemon.on('connectGetHostname', (client, frame) => client.fail(frame, 9999, 'from the future'))
    await expect(setup.connection.call('connectGetHostname')).rejects.toMatchObject({
      code: 9999,
      codeName: '9999',
      message: 'from the future',
    })
  })
})

const aDomain = { name: 'a', uuid: '00112233-4455-6677-8899-aabbccddeeff', id: 1 }

describe('events', () => {
  test('of an unknown number or program are ignored', async () => {
    await using setup = await opened()
    setup.daemon.answerHostname()
    const seen: unknown[] = []
    setup.connection.on('event', (event) => seen.push(event))
    const [client] = setup.daemon.clients
    client?.event(4711, (w) => w.string('what is this'))
    client?.event(318, (w) => w.string('what is this'), 0x1234_5678)
    client?.lifecycle('known')
    await setup.connection.call('connectGetHostname')
    expect(seen).toMatchObject([{ type: 'lifecycle', dom: { name: 'known' }, event: 2 }])
  })

  test('that cannot be decoded are reported and the next one is read', async () => {
    await using setup = await opened()
    setup.daemon.answerHostname()
    const seen: unknown[] = []
    setup.connection.on('event', (event) => seen.push(event.type))
    setup.connection.on('undecodable', (error) => seen.push(error))
    const [client] = setup.daemon.clients
    client?.event(318, (w) => w.int(0))
    client?.lifecycle('known')
    await setup.connection.call('connectGetHostname')
    expect(seen).toEqual([expect.any(ProtocolError), 'lifecycle'])
  })
})

describe('a daemon that goes silent', () => {
  test('is given up when it answers no PING, and pending calls reject', async () => {
    await using setup = await opened({ keepAlive: { interval: 20, count: 2 } })
    setup.daemon.answersPings = false
    await expect(setup.connection.call('connectGetHostname')).rejects.toThrow(/no sign of life/)
    expect(setup.connection.isOpen).toBe(false)
  })

  test('is kept while it answers PINGs, however long a call takes', async () => {
    await using setup = await opened({ keepAlive: { interval: 10, count: 1 } })
    let asked: Frame | undefined
    setup.daemon.on('connectGetHostname', (_client, frame) => {
      asked = frame
    })
    const call = setup.connection.call('connectGetHostname')
    const pings = () =>
      setup.daemon.clients[0]?.received.filter(({ procedure }) => procedure === 1).length ?? 0
    await setup.daemon.until(() => asked !== undefined && pings() >= 6)
    if (asked !== undefined) setup.daemon.clients[0]?.reply(asked, (w) => w.string('slow'))
    expect(await call).toEqual({ hostname: 'slow' })
  })

  test('that stops reading does not stop the client: its calls end with the connection', async () => {
    await using setup = await opened({ keepAlive: { interval: 20, count: 2 } })
    setup.daemon.clients[0]?.socket.pause()
    const xml = 'x'.repeat(4_000_000)
    const calls = Array.from({ length: 20 }, () => setup.connection.call('domainDefineXml', { xml }))
    for (const call of await Promise.allSettled(calls)) expect(call).toMatchObject({ status: 'rejected' })
    expect(setup.connection.rpc.inFlight).toBe(0)
  })

  test('its own PING is answered at once', async () => {
    await using setup = await opened()
    const keepAlive = { program: 0x6b65_6570, type: 2, serial: 0, status: 0 }
    setup.daemon.clients[0]?.raw(encodeFrame({ ...keepAlive, procedure: 1 }))
    const pongs = () =>
      setup.daemon.clients[0]?.received.filter((frame) => frame.program === keepAlive.program) ?? []
    await setup.daemon.until(() => pongs().length > 0)
    expect(pongs()).toMatchObject([{ ...keepAlive, procedure: 2 }])
  })
})

describe('in mid-stream', () => {
  const volume = { pool: 'p', name: 'v', key: 'k' }
  const download = { vol: volume, offset: 0n, length: 0n }

  test('a daemon that dies breaks the stream with DisconnectedError', async () => {
    await using setup = await opened()
    setup.daemon.on('storageVolDownload', (client, frame) => {
      client.reply(frame)
      client.stream(frame, Buffer.alloc(1000))
      client.socket.end()
    })
    const { stream } = await setup.connection.stream('storageVolDownload', download)
    await expect(buffer(stream)).rejects.toThrow(DisconnectedError)
  })

  test('a failure of the daemon breaks the stream with its LibvirtError', async () => {
    await using setup = await opened()
    setup.daemon.answerHostname()
    setup.daemon.on('storageVolDownload', (client, frame) => {
      client.reply(frame)
      client.stream(frame, Buffer.alloc(1000))
      client.streamError(frame, 38, 'disk on fire')
    })
    const { stream } = await setup.connection.stream('storageVolDownload', download)
    await expect(buffer(stream)).rejects.toMatchObject({ code: 38, message: 'disk on fire' })
    expect(await setup.connection.call('connectGetHostname')).toEqual({ hostname: 'fake' })
  })

  test('an upload to a daemon that stops reading ends with the connection', async () => {
    await using setup = await opened({ keepAlive: { interval: 20, count: 3 } })
    setup.daemon.on('storageVolUpload', (client, frame) => {
      client.reply(frame)
      client.socket.pause()
    })
    const { stream } = await setup.connection.stream('storageVolUpload', download)
    const failed = once(stream, 'error')
    const write = (): void =>
      void (stream.write(Buffer.alloc(262_144)) ? setImmediate(write) : stream.once('drain', write))
    write()
    const [error] = (await failed) as unknown[]
    expect(error).toBeInstanceOf(DisconnectedError)
    // What was not sent is bounded: the stream's own buffer, not the whole upload.
    expect(stream.writableLength).toBeLessThan(4_000_000)
  })

  test('nothing is left waiting when the header of a reply never comes', async () => {
    await using setup = await opened({ keepAlive: { interval: 20, count: 2 } })
    setup.daemon.answersPings = false
    setup.daemon.on('storageVolDownload', (client) =>
      client.raw(Buffer.alloc(headerLength - 1, 0).fill(0x1c, 3, 4)),
    )
    await expect(setup.connection.stream('storageVolDownload', download)).rejects.toThrow(DisconnectedError)
  })
})
