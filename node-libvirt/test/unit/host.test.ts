import { once } from 'node:events'
import { describe, expect, test } from 'vitest'
import { DisconnectedError, LibvirtHost, TimeoutError } from '../../src/index.ts'
import type { HostEvent, HostOptions } from '../../src/index.ts'
import type { Frame } from '../../src/frame.ts'
import { FakeDaemon } from '../fixtures/fake-daemon.ts'

async function connected(options: HostOptions = {}) {
  const daemon = new FakeDaemon()
  await daemon.listen()
  daemon.answerHostname()
  const host = await LibvirtHost.connect(daemon.uri, { backoff: { min: 5, max: 20 }, ...options })
  return {
    daemon,
    host,
    [Symbol.asyncDispose]: async () => {
      await host.close()
      await daemon[Symbol.asyncDispose]()
    },
  }
}

const next = async (events: AsyncIterator<HostEvent>): Promise<HostEvent | undefined> =>
  (await events.next()).value as HostEvent | undefined

async function untilState(host: LibvirtHost, state: LibvirtHost['state']): Promise<void> {
  while (host.state !== state) await once(host, 'state')
}

const openClients = (daemon: FakeDaemon) => daemon.clients.filter(({ socket }) => !socket.destroyed)

describe('reconnecting', () => {
  test('after a loss: pending calls reject, events are registered again, a resync is announced', async () => {
    await using setup = await connected({ events: ['lifecycle'] })
    const events = setup.host.listen()
    expect(await next(events)).toEqual({ type: 'resync' })
    setup.daemon.clients[0]?.lifecycle('before')
    expect(await next(events)).toMatchObject({ type: 'lifecycle', dom: { name: 'before' } })

    setup.daemon.on('connectGetUri', (client) => client.socket.destroy())
    await expect(setup.host.query('connectGetUri')).rejects.toThrow(/outcome unknown/)
    expect(await next(events)).toEqual({ type: 'resync' })
    expect(setup.host.state).toBe('up')
    expect(setup.daemon.received('connectDomainEventCallbackRegisterAny')).toHaveLength(2)
    setup.daemon.clients[1]?.lifecycle('after')
    expect(await next(events)).toMatchObject({ type: 'lifecycle', dom: { name: 'after' } })
    expect(await setup.host.query('connectGetHostname')).toEqual({ hostname: 'fake' })
  })

  test('while the daemon is away, calls fail at once and say why; it is found again when it is back', async () => {
    await using setup = await connected()
    await setup.daemon.stop()
    await untilState(setup.host, 'down')
    for (let index = 0; index < 5; index++)
      await expect(setup.host.query('connectGetHostname')).rejects.toThrow(/not reachable: .*(ENOENT|closed)/)
    await setup.daemon.listen()
    await untilState(setup.host, 'up')
    expect(await setup.host.query('connectGetHostname')).toEqual({ hostname: 'fake' })
  })

  test('a daemon frozen on the control connection is noticed and left', async () => {
    await using setup = await connected({ keepAlive: { interval: 20, count: 2 } })
    setup.daemon.answersPings = false
    await untilState(setup.host, 'down')
    expect(String(setup.host.lastError)).toMatch(/no sign of life/)
    setup.daemon.answersPings = true
    await untilState(setup.host, 'up')
  })

  test('a daemon that accepts and drops is tried less and less often', async () => {
    await using setup = await connected({ backoff: { min: 10, max: 10_000 } })
    const times: number[] = []
    setup.host.on('state', (state) => {
      if (state === 'connecting') times.push(performance.now())
    })
    setup.daemon.on('authList', (client) => client.socket.destroy())
    setup.daemon.clients[0]?.socket.destroy()
    while (times.length < 6) await once(setup.host, 'state')
    const gaps = times.slice(1).map((time, index) => time - (times[index] ?? 0))
    expect(gaps.at(-1)).toBeGreaterThan((gaps[0] ?? 0) * 2)
  })

  test('the first attempt fails: connect rejects with the reason and leaves nothing behind', async () => {
    await expect(LibvirtHost.connect('fake:///system?socket=/nonexistent/nlv')).rejects.toThrow(/ENOENT/)
    await expect(LibvirtHost.connect('nonsense')).rejects.toThrow(/is not a URI/)
  })

  test('a query made while the first attempt is under way waits for it', async () => {
    await using daemon = new FakeDaemon()
    daemon.answerHostname()
    await daemon.listen()
    await using host = new LibvirtHost(daemon.uri)
    expect(host.state).toBe('connecting')
    expect(await host.query('connectGetHostname')).toEqual({ hostname: 'fake' })
  })

  test('a query gives up waiting for the first attempt when its time is over', async () => {
    await using daemon = new FakeDaemon()
    daemon.behaviours.clear()
    await daemon.listen()
    await using host = new LibvirtHost(daemon.uri)
    await expect(host.query('connectGetHostname', undefined, { timeout: 20 })).rejects.toThrow(TimeoutError)
    const signal = AbortSignal.abort(new Error('no'))
    await expect(host.query('connectGetHostname', undefined, { signal })).rejects.toThrow('no')
  })

  test('kinds of events that the daemon refuses are left out', async () => {
    await using daemon = new FakeDaemon()
    daemon.on('connectSecretEventRegisterAny', (client, frame) => client.fail(frame, 3, 'not supported'))
    await daemon.listen()
    await using host = await LibvirtHost.connect(daemon.uri)
    expect(host.refusedEvents).toEqual(['secretLifecycle', 'secretValueChanged'])
    expect(host.state).toBe('up')
  })
})

describe('events', () => {
  test('go to every follower; a slow one loses them for one resync, and memory stays bounded', async () => {
    await using setup = await connected()
    const slow = setup.host.listen({ buffer: 10 })
    const fast = setup.host.listen({ buffer: 10_000 })
    expect([await next(slow), await next(fast)]).toEqual([{ type: 'resync' }, { type: 'resync' }])
    for (let index = 0; index < 25; index++) setup.daemon.clients[0]?.lifecycle(`d${index}`)
    const seen = []
    for (let index = 0; index < 25; index++) seen.push(await next(fast))
    expect(seen.map((event) => (event?.type === 'lifecycle' ? event.dom.name : event?.type))).toEqual(
      Array.from({ length: 25 }, (_, index) => `d${index}`),
    )
    // Ten fill the buffer, the eleventh empties it, and so on: at the end a resync and what came after it.
    const rest = []
    for (let event = await next(slow); ; event = await next(slow)) {
      rest.push(event?.type === 'lifecycle' ? event.dom.name : event?.type)
      if (rest.at(-1) === 'd24') break
    }
    expect(rest).toEqual(['resync', 'd21', 'd22', 'd23', 'd24'])
  })

  test('one that cannot be decoded becomes a resync', async () => {
    await using setup = await connected()
    const events = setup.host.listen()
    await next(events)
    setup.daemon.clients[0]?.event(318, (w) => w.int(0))
    expect(await next(events)).toEqual({ type: 'resync' })
  })

  test('a loop ends with its signal, with break, and with the host', async () => {
    await using setup = await connected()
    const controller = new AbortController()
    const loops = [drain(setup.host.listen({ signal: controller.signal })), drain(setup.host.events)]
    for await (const event of setup.host.events) if (event.type === 'resync') break
    controller.abort()
    await loops[0]
    await setup.host.close()
    await loops[1]
    expect(await setup.host.listen().next()).toEqual({ value: undefined, done: true })
    expect(setup.host.state).toBe('closed')
  })
})

async function drain(events: AsyncIterable<HostEvent>): Promise<void> {
  for await (const event of events) void event
}

describe('connections', () => {
  test('a job has one of its own, which ends with it', async () => {
    await using setup = await connected()
    expect(await setup.host.job('connectGetHostname')).toEqual({ hostname: 'fake' })
    expect(setup.daemon.clients).toHaveLength(2)
    await setup.daemon.until(() => openClients(setup.daemon).length === 1)
  })

  test('jobs beyond the limit wait; giving one up ends its connection', async () => {
    await using setup = await connected({ maxJobs: 2 })
    setup.daemon.on('connectGetUri', () => {})
    const controller = new AbortController()
    const first = setup.host.job('connectGetUri', undefined, { signal: controller.signal })
    const second = setup.host.job('connectGetUri', undefined, { timeout: 200 })
    const third = setup.host.job('connectGetHostname')
    await setup.daemon.until(() => setup.daemon.received('connectGetUri').length === 2)
    expect(setup.daemon.clients).toHaveLength(3)
    controller.abort(new Error('enough'))
    await expect(first).rejects.toThrow('enough')
    expect(await third).toEqual({ hostname: 'fake' })
    await expect(second).rejects.toThrow(TimeoutError)
    await setup.daemon.until(() => openClients(setup.daemon).length === 1)
  })

  test("a stream has one of its own, without the daemon's keepalive, which ends with it", async () => {
    await using setup = await connected()
    setup.daemon.on('domainOpenConsole', (client, frame: Frame) => {
      if (frame.type === 0) client.reply(frame)
      else client.streamEnd(frame)
    })
    const dom = { name: 'a', uuid: '00112233-4455-6677-8899-aabbccddeeff', id: 1 }
    const { stream } = await setup.host.stream('domainOpenConsole', { dom })
    expect(setup.daemon.received('connectSupportsFeature')).toHaveLength(1)
    stream.destroy()
    await setup.daemon.until(() => openClients(setup.daemon).length === 1)
    expect(setup.daemon.received('connectClose')).toHaveLength(1)
  })

  test('four calls that nobody waits for any more get the control connection replaced', async () => {
    await using setup = await connected()
    setup.daemon.on('connectGetUri', () => {})
    const calls = Array.from({ length: 4 }, () =>
      setup.host.query('connectGetUri', undefined, { timeout: 30 }),
    )
    for (const call of calls) await expect(call).rejects.toThrow(/took longer than 30 ms|given up/)
    await untilState(setup.host, 'up')
    expect(await setup.host.query('connectGetHostname')).toEqual({ hostname: 'fake' })
  })

  test('closing ends jobs and streams, and rejects everything', async () => {
    await using setup = await connected()
    setup.daemon.on('connectGetUri', () => {})
    setup.daemon.on('domainOpenConsole', (client, frame: Frame) => client.reply(frame))
    const dom = { name: 'a', uuid: '00112233-4455-6677-8899-aabbccddeeff', id: 1 }
    const { stream } = await setup.host.stream('domainOpenConsole', { dom })
    const broken = once(stream, 'error')
    const pending = [setup.host.query('connectGetUri'), setup.host.job('connectGetUri')]
    await setup.daemon.until(() => setup.daemon.received('connectGetUri').length === 2)
    const settled = Promise.allSettled(pending)
    await setup.host.close()
    for (const call of await settled)
      expect(call).toMatchObject({ status: 'rejected', reason: expect.any(DisconnectedError) })
    expect((await broken)[0]).toBeInstanceOf(DisconnectedError)
    await expect(setup.host.query('connectGetHostname')).rejects.toThrow(DisconnectedError)
    await expect(setup.host.job('connectGetHostname')).rejects.toThrow(DisconnectedError)
    await setup.daemon.until(() => openClients(setup.daemon).length === 0)
  })
})
