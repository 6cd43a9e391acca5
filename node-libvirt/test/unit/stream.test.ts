import { once } from 'node:events'
import { buffer } from 'node:stream/consumers'
import { describe, expect, test } from 'vitest'
import { LibvirtConnection, StreamHole } from '../../src/index.ts'
import { MessageStatus, MessageType, encodeFrame, maxStreamPayload } from '../../src/frame.ts'
import type { Frame } from '../../src/frame.ts'
import { XdrReader } from '../../src/xdr.ts'
import { FakeDaemon } from '../fixtures/fake-daemon.ts'
import type { FakeClient } from '../fixtures/fake-daemon.ts'

const transfer = { vol: { pool: 'p', name: 'v', key: 'k' }, offset: 0n, length: 0n }
const dom = { name: 'a', uuid: '00112233-4455-6677-8899-aabbccddeeff', id: 1 }

async function opened() {
  const daemon = new FakeDaemon()
  await daemon.listen()
  daemon.answerHostname()
  const connection = await LibvirtConnection.open(daemon.uri, { keepAlive: false })
  return {
    daemon,
    connection,
    [Symbol.asyncDispose]: async () => {
      connection.rpc.destroy()
      await daemon[Symbol.asyncDispose]()
    },
  }
}

const streamFrames = (client: FakeClient | undefined) =>
  (client?.received ?? []).filter(
    ({ type }) => type === MessageType.stream || type === MessageType.streamHole,
  )

/** Answers a stream call, and confirms its end or abort when the client says so. */
function confirming(client: FakeClient, frame: Frame): void {
  if (frame.type === MessageType.call) return client.reply(frame)
  if (frame.status === MessageStatus.ok) client.streamEnd(frame)
  if (frame.status === MessageStatus.error) client.streamEnd(frame)
}

describe('reading', () => {
  test('ends when the daemon has sent an empty packet and confirmed our end', async () => {
    await using setup = await opened()
    setup.daemon.on('storageVolDownload', (client, frame) => {
      confirming(client, frame)
      if (frame.type !== MessageType.call) return
      client.stream(frame, Buffer.from('one '))
      client.stream(frame, Buffer.from('two'))
      client.stream(frame, Buffer.alloc(0))
    })
    const { stream } = await setup.connection.stream('storageVolDownload', transfer)
    expect((await buffer(stream)).toString()).toBe('one two')
    expect(streamFrames(setup.daemon.clients[0]).map(({ status }) => status)).toEqual([MessageStatus.ok])
  })

  test('takes data that runs ahead of the reply', async () => {
    await using setup = await opened()
    setup.daemon.on('domainScreenshot', (client, frame) => {
      if (frame.type !== MessageType.call) return confirming(client, frame)
      client.stream(frame, Buffer.from('picture'))
      client.stream(frame, Buffer.alloc(0))
      client.reply(frame, (w) => w.optionalString('image/png'))
    })
    const { ret, stream } = await setup.connection.stream('domainScreenshot', { dom, screen: 0 })
    expect(ret).toEqual({ mime: 'image/png' })
    expect((await buffer(stream)).toString()).toBe('picture')
  })

  test('that is broken off tells the daemon, and late data harms nothing', async () => {
    await using setup = await opened()
    setup.daemon.on('storageVolDownload', (client, frame) => {
      if (frame.type === MessageType.call) {
        client.reply(frame)
        client.stream(frame, Buffer.alloc(100))
      } else {
        for (let index = 0; index < 50; index++) client.stream(frame, Buffer.alloc(1000))
        client.streamError(frame, 38, 'aborted at your wish')
      }
    })
    const { stream } = await setup.connection.stream('storageVolDownload', transfer)
    await once(stream, 'readable')
    stream.destroy()
    await once(stream, 'close')
    await setup.daemon.until(() => streamFrames(setup.daemon.clients[0]).length > 0)
    expect(streamFrames(setup.daemon.clients[0]).map(({ status }) => status)).toEqual([MessageStatus.error])
    expect(await setup.connection.call('connectGetHostname')).toEqual({ hostname: 'fake' })
  })

  test('slowly keeps the daemon waiting instead of filling memory', async () => {
    await using setup = await opened()
    let sent = 0
    setup.daemon.on('storageVolDownload', (client, frame) => {
      if (frame.type !== MessageType.call) return
      client.reply(frame)
      const piece = Buffer.alloc(65_536)
      const more = () => {
        while (sent < 2000) {
          sent += 1
          const packet = encodeFrame(
            { ...frame, type: MessageType.stream, status: MessageStatus.continue },
            piece,
          )
          if (!client.socket.write(packet)) return void client.socket.once('drain', more)
        }
      }
      more()
    })
    const { stream } = await setup.connection.stream('storageVolDownload', transfer)
    await once(stream, 'readable')
    // The daemon's own socket says when it is stuck: nothing moves any more.
    let last = -1
    while (last !== sent) {
      last = sent
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    expect(sent).toBeLessThan(200)
    expect(stream.readableLength).toBeLessThan(1_000_000)
    stream.destroy()
  })

  test('holes read as zeros, in order and piece by piece', async () => {
    await using setup = await opened()
    setup.daemon.on('storageVolDownload', sparseDownload)
    const { stream } = await setup.connection.stream('storageVolDownload', { ...transfer, flags: 1 })
    const data = await buffer(stream)
    expect(data.length).toBe(3 + 200_000 + 3)
    expect(data.subarray(0, 4).toString()).toBe('abc\0')
    expect(data.subarray(-4).toString()).toBe('\0def')
    expect(data.subarray(3, -3).every((byte) => byte === 0)).toBe(true)
  })

  test('a sparse reader gets the holes themselves', async () => {
    await using setup = await opened()
    setup.daemon.on('storageVolDownload', sparseDownload)
    const { stream } = await setup.connection.stream(
      'storageVolDownload',
      { ...transfer, flags: 1 },
      { sparse: true },
    )
    const pieces: unknown[] = []
    for await (const piece of stream) pieces.push(piece)
    expect(pieces).toEqual([Buffer.from('abc'), new StreamHole(200_000n), Buffer.from('def')])
  })
})

function sparseDownload(client: FakeClient, frame: Frame): void {
  confirming(client, frame)
  if (frame.type !== MessageType.call) return
  const hole = Buffer.alloc(12)
  hole.writeBigInt64BE(200_000n, 0)
  client.stream(frame, Buffer.from('abc'))
  client.raw(encodeFrame({ ...frame, type: MessageType.streamHole, status: MessageStatus.continue }, hole))
  client.stream(frame, Buffer.from('def'))
  client.stream(frame, Buffer.alloc(0))
}

describe('writing', () => {
  test('cuts into pieces the daemon takes, and finishes when it has confirmed', async () => {
    await using setup = await opened()
    setup.daemon.on('storageVolUpload', confirming)
    const { stream } = await setup.connection.stream('storageVolUpload', transfer)
    const data = Buffer.alloc(maxStreamPayload * 2 + 5, 'kvm')
    stream.end(data)
    await once(stream, 'finish')
    const frames = streamFrames(setup.daemon.clients[0])
    expect(frames.map(({ payload }) => payload.length)).toEqual([maxStreamPayload, maxStreamPayload, 5, 0])
    expect(Buffer.concat(frames.map(({ payload }) => payload)).equals(data)).toBe(true)
    expect(frames.at(-1)?.status).toBe(MessageStatus.ok)
  })

  test('fails when the daemon refuses the end', async () => {
    await using setup = await opened()
    setup.daemon.on('storageVolUpload', (client, frame) => {
      if (frame.type === MessageType.call) client.reply(frame)
      else if (frame.status === MessageStatus.ok) client.streamError(frame, 38, 'no space')
    })
    const { stream } = await setup.connection.stream('storageVolUpload', transfer)
    stream.end('data')
    const [error] = (await once(stream, 'error')) as unknown[]
    expect(error).toMatchObject({ code: 38, procedure: 'storageVolUpload' })
  })

  test('holes are sent as numbers', async () => {
    await using setup = await opened()
    setup.daemon.on('storageVolUpload', confirming)
    const { stream } = await setup.connection.stream(
      'storageVolUpload',
      { ...transfer, flags: 1 },
      { sparse: true },
    )
    stream.write(Buffer.from('abc'))
    stream.write(new StreamHole(2n ** 40n))
    stream.end()
    await once(stream, 'finish')
    const [, hole] = streamFrames(setup.daemon.clients[0])
    expect(hole).toMatchObject({ type: MessageType.streamHole, status: MessageStatus.continue })
    expect(new XdrReader(hole?.payload ?? Buffer.alloc(0)).hyper()).toBe(2n ** 40n)
  })
})

describe('a console', () => {
  test('speaks both ways, and ends for both when the guest is gone', async () => {
    await using setup = await opened()
    setup.daemon.on('domainOpenConsole', (client, frame) => {
      confirming(client, frame)
      if (frame.type === MessageType.stream && frame.status === MessageStatus.continue) {
        client.stream(frame, Buffer.from(`you said ${frame.payload.toString()}`))
        client.stream(frame, Buffer.alloc(0))
      }
    })
    const { stream } = await setup.connection.stream('domainOpenConsole', { dom })
    stream.write('hello')
    expect((await buffer(stream)).toString()).toBe('you said hello')
    if (!stream.closed) await once(stream, 'close')
    expect(stream.writableFinished).toBe(true)
  })

  test('that we end is ended by the daemon too', async () => {
    await using setup = await opened()
    setup.daemon.on('domainOpenConsole', confirming)
    const { stream } = await setup.connection.stream('domainOpenConsole', { dom })
    stream.end('bye')
    expect((await buffer(stream)).length).toBe(0)
  })
})

describe('a signal', () => {
  test('ends an open stream with its reason', async () => {
    await using setup = await opened()
    setup.daemon.on('domainOpenConsole', confirming)
    const controller = new AbortController()
    const { stream } = await setup.connection.stream(
      'domainOpenConsole',
      { dom },
      { signal: controller.signal },
    )
    controller.abort(new Error('enough'))
    const [error] = (await once(stream, 'error')) as unknown[]
    expect(error).toEqual(new Error('enough'))
  })

  test('that comes before the reply aborts the stream as soon as the daemon has opened it', async () => {
    await using setup = await opened()
    let asked: Frame | undefined
    setup.daemon.on('domainOpenConsole', (client, frame) => {
      if (frame.type === MessageType.call) asked = frame
      else confirming(client, frame)
    })
    const controller = new AbortController()
    const opening = setup.connection.stream('domainOpenConsole', { dom }, { signal: controller.signal })
    await setup.daemon.until(() => asked !== undefined)
    controller.abort(new Error('too late'))
    await expect(opening).rejects.toThrow('too late')
    const [client] = setup.daemon.clients
    if (asked !== undefined) client?.reply(asked)
    await setup.daemon.until(() => streamFrames(client).length > 0)
    expect(streamFrames(client).map(({ status }) => status)).toEqual([MessageStatus.error])
  })
})
