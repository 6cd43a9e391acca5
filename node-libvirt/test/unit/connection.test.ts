import { describe, expect, test } from 'vitest'
import {
  AuthenticationError,
  DisconnectedError,
  LibvirtConnection,
  OverloadedError,
  TimeoutError,
  UnsupportedError,
} from '../../src/index.ts'
import type { ConnectOptions } from '../../src/index.ts'
import type { Frame } from '../../src/frame.ts'
import { procedures } from '../../src/generated/procedures.ts'
import { XdrReader } from '../../src/xdr.ts'
import { FakeDaemon } from '../fixtures/fake-daemon.ts'

async function opened(options: ConnectOptions = {}) {
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

/** Collects calls without answering them. */
function holding(daemon: FakeDaemon): Frame[] {
  const held: Frame[] = []
  daemon.on('connectGetHostname', (_client, frame) => held.push(frame))
  return held
}

const answer = (daemon: FakeDaemon, frame: Frame | undefined, hostname = 'x') => {
  if (frame !== undefined) daemon.clients[0]?.reply(frame, (w) => w.string(hostname))
}

describe('opening', () => {
  test('asks for the kinds of authentication, for keepalive, and opens the URI without what is ours', async () => {
    await using setup = await opened({ readOnly: true })
    expect(setup.daemon.clients[0]?.received.map(({ procedure }) => procedure)).toEqual(
      [procedures.authList, procedures.connectSupportsFeature, procedures.connectOpen].map(
        ({ number }) => number,
      ),
    )
    const [open] = setup.daemon.received('connectOpen')
    const r = new XdrReader(open?.payload ?? Buffer.alloc(0))
    expect([r.optionalString(), r.uint()]).toEqual(['fake:///system', 1])
  })

  test.each([
    ['SASL only', [1], AuthenticationError],
    ['polkit that says no', [2], AuthenticationError],
  ])('is refused with %s', async (_name, types, errorClass) => {
    await using daemon = new FakeDaemon()
    await daemon.listen()
    daemon.on('authList', (client, frame) =>
      client.reply(frame, (w) => w.array(types, 20, (inner, type) => inner.int(type))),
    )
    daemon.on('authPolkit', (client, frame) => client.reply(frame, (w) => w.int(0)))
    await expect(LibvirtConnection.open(daemon.uri)).rejects.toThrow(errorClass)
    await daemon.until(() => daemon.clients.every(({ socket }) => socket.destroyed))
  })

  test('goes through polkit when the daemon wants it', async () => {
    await using daemon = new FakeDaemon()
    await daemon.listen()
    daemon.on('authList', (client, frame) =>
      client.reply(frame, (w) => w.array([2], 20, (inner) => inner.int(2))),
    )
    daemon.on('authPolkit', (client, frame) => client.reply(frame, (w) => w.int(1)))
    await using connection = await LibvirtConnection.open(daemon.uri)
    expect(connection.isOpen).toBe(true)
  })

  test('nobody listens', async () => {
    const opening = LibvirtConnection.open('fake:///system?socket=/nonexistent/nlv')
    await expect(opening).rejects.toThrow(DisconnectedError)
    await expect(opening).rejects.toThrow(/ENOENT/)
  })

  test('a daemon that accepts and says nothing', async () => {
    await using daemon = new FakeDaemon()
    await daemon.listen()
    daemon.behaviours.clear()
    await expect(LibvirtConnection.open(daemon.uri, { connectTimeout: 50 })).rejects.toThrow(TimeoutError)
    await daemon.until(
      () => daemon.clients.length > 0 && daemon.clients.every(({ socket }) => socket.destroyed),
    )
  })

  test('a signal gives up with its reason', async () => {
    await using daemon = new FakeDaemon()
    await daemon.listen()
    daemon.behaviours.clear()
    const controller = new AbortController()
    const opening = LibvirtConnection.open(daemon.uri, { signal: controller.signal })
    await Promise.all([
      expect(opening).rejects.toThrow('no more'),
      daemon.until(() => daemon.clients.length > 0).then(() => controller.abort(new Error('no more'))),
    ])
  })
})

describe('calls', () => {
  test('are pipelined, at most four at once, and each gets its own answer', async () => {
    await using setup = await opened()
    const held = holding(setup.daemon)
    const calls = Array.from({ length: 10 }, () => setup.connection.call('connectGetHostname'))
    await setup.daemon.until(() => held.length === 4)
    expect(setup.connection.rpc.inFlight).toBe(4)
    // Answered last to first, so that an order of arrival would show.
    for (let answered = 0; answered < 10;) {
      for (const frame of held.splice(0).reverse()) {
        answer(setup.daemon, frame, `host ${frame.serial}`)
        answered += 1
      }
      await setup.daemon.until(() => held.length > 0 || answered === 10)
    }
    const names = (await Promise.all(calls)).map(({ hostname }) => hostname)
    expect(names).toEqual(Array.from({ length: 10 }, (_, index) => `host ${index + 4}`))
  })

  test('that wait for their turn can be given up and are then never sent', async () => {
    await using setup = await opened({ maxInFlight: 1 })
    const held = holding(setup.daemon)
    const controller = new AbortController()
    const first = setup.connection.call('connectGetHostname')
    const second = setup.connection.call('connectGetUri', undefined, { signal: controller.signal })
    const third = setup.connection.call('connectGetHostname')
    controller.abort(new Error('changed my mind'))
    await expect(second).rejects.toThrow('changed my mind')
    await setup.daemon.until(() => held.length === 1)
    answer(setup.daemon, held[0])
    await first
    await setup.daemon.until(() => held.length === 2)
    answer(setup.daemon, held[1])
    await third
    expect(setup.daemon.received('connectGetUri')).toEqual([])
  })

  test('given up in flight keep their place until the daemon answers', async () => {
    await using setup = await opened({ maxInFlight: 1 })
    const held = holding(setup.daemon)
    const call = setup.connection.call('connectGetHostname', undefined, { timeout: 20 })
    const next = setup.connection.call('connectGetHostname')
    await expect(call).rejects.toThrow(/connectGetHostname took longer than 20 ms/)
    expect(setup.connection.rpc).toMatchObject({ inFlight: 1, abandoned: 1 })
    await setup.daemon.until(() => held.length === 1)
    answer(setup.daemon, held[0], 'late')
    await setup.daemon.until(() => held.length === 2)
    answer(setup.daemon, held[1], 'right')
    expect(await next).toEqual({ hostname: 'right' })
  })

  test('that are too many fail instead of filling memory', async () => {
    await using setup = await opened({ maxInFlight: 1, maxQueued: 2 })
    holding(setup.daemon)
    const calls = Array.from({ length: 4 }, () => setup.connection.call('connectGetHostname'))
    await expect(calls[3]).rejects.toThrow(OverloadedError)
    setup.connection.rpc.destroy()
    for (const call of await Promise.allSettled(calls)) expect(call.status).toBe('rejected')
  })

  test('with an aborted signal are not sent', async () => {
    await using setup = await opened()
    const call = setup.connection.call('connectGetHostname', undefined, {
      signal: AbortSignal.abort(new Error('no')),
    })
    await expect(call).rejects.toThrow('no')
    expect(setup.daemon.received('connectGetHostname')).toEqual([])
  })

  test('that pass descriptors are refused', async () => {
    await using setup = await opened()
    const dom = { name: 'a', uuid: '00112233-4455-6677-8899-aabbccddeeff', id: 1 }
    await expect(setup.connection.call('domainOpenGraphicsFd', { dom, idx: 0 })).rejects.toThrow(
      UnsupportedError,
    )
  })

  test('to a name that libvirt does not have are refused', async () => {
    await using setup = await opened()
    for (const name of ['domainExplode', 'toString', '__proto__'])
      await expect(setup.connection.call(name as 'connectGetHostname')).rejects.toThrow(/has no procedure/)
  })

  test.each([
    [
      'domainGetInfo',
      { dom: { name: 'a', uuid: 'x', id: 1 } },
      'domainGetInfo: dom.uuid: expected a UUID, got "x"',
    ],
    ['domainGetInfo', {}, /^domainGetInfo: dom: /],
    ['domainGetInfo', undefined, /^domainGetInfo: dom: /],
    ['domainSetVcpus', { dom: { name: 'a', uuid: 'x', id: 1 }, nvcpus: 1 }, /^domainSetVcpus: dom\.uuid/],
    [
      'storageVolWipe',
      { vol: { pool: 'p', name: 5, key: 'k' } },
      'storageVolWipe: vol.name: expected a string, got 5',
    ],
  ] as const)('%s refuses %j, naming what is wrong', async (name, args, message) => {
    await using setup = await opened()
    await expect(setup.connection.call(name, args as never)).rejects.toThrow(message)
  })
})

describe('closing', () => {
  test('says good-bye and rejects what comes later', async () => {
    await using setup = await opened()
    await setup.connection.close()
    expect(setup.daemon.received('connectClose')).toHaveLength(1)
    await expect(setup.connection.call('connectGetHostname')).rejects.toThrow(
      /before connectGetHostname was sent/,
    )
    await setup.connection.close()
  })

  test('rejects what is pending', async () => {
    await using setup = await opened()
    const held = holding(setup.daemon)
    const call = setup.connection.call('connectGetHostname')
    await setup.daemon.until(() => held.length === 1)
    const closing = setup.connection.close()
    await expect(call).rejects.toThrow(DisconnectedError)
    await closing
  })
})

test('a listener that throws does not break the connection', async () => {
  await using setup = await opened()
  setup.daemon.answerHostname()
  const thrown = new Promise((resolve) => {
    const others = process.listeners('uncaughtException')
    process.removeAllListeners('uncaughtException')
    process.once('uncaughtException', (error) => {
      for (const listener of others) process.on('uncaughtException', listener)
      resolve(error)
    })
  })
  setup.connection.on('event', () => {
    throw new Error('in a listener')
  })
  setup.daemon.clients[0]?.lifecycle('any')
  expect(await thrown).toEqual(new Error('in a listener'))
  expect(await setup.connection.call('connectGetHostname')).toEqual({ hostname: 'fake' })
})
