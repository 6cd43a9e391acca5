import { describe, expect, test } from 'vitest'
import { eventRecorder, type EventRecorderOptions } from '../../../../apimachinery/client/event-recorder.ts'
import { events, type KubeEvent } from '../../../../apimachinery/client/resources.ts'
import { type Logger, silentLogger } from '../../../../apimachinery/log.ts'
import { StatusError } from '../../../../apimachinery/status-error.ts'
import { aHost, aVirtualMachine } from '../../../support/builders.ts'
import { manualClock, settle } from '../../../support/clock.ts'
import { fakeClient } from '../../../support/fake-client.ts'

function setUp(options: Partial<EventRecorderOptions> = {}) {
  const clock = manualClock()
  const client = fakeClient({ clock })
  const lines: [string, object | undefined][] = []
  const log: Logger = {
    ...silentLogger,
    warn: (message, fields) => lines.push([message, fields]),
    child: () => log,
  }
  const shared = {
    client,
    clock,
    log,
    reportingController: 'kvorum.dev/test',
    instance: 'here',
    random: () => 1,
  }
  const recorder = eventRecorder({ ...shared, ...options })
  const written = async (): Promise<KubeEvent[]> => (await client.list(events)).items
  const another = () => eventRecorder({ ...shared, ...options })
  return { clock, client, recorder, written, lines, another }
}

const vm = aVirtualMachine({ metadata: { name: 'web', namespace: 'shop', resourceVersion: '7' } })

describe('an event', () => {
  test('says who said what about whom', async () => {
    const { recorder, written } = setUp()

    recorder.warning(vm, 'NoHostFits', 'No host has room')

    await expect.poll(written).toHaveLength(1)
    const [event] = await written()
    expect(event).toMatchObject({
      metadata: { namespace: 'shop', name: expect.stringMatching(/^web\.[0-9a-f]{16}$/) as string },
      eventTime: '2026-01-01T00:00:00.000000Z',
      reportingController: 'kvorum.dev/test',
      reportingInstance: 'here',
      type: 'Warning',
      reason: 'NoHostFits',
      note: 'No host has room',
      regarding: {
        apiVersion: 'kvorum.dev/v1alpha1',
        kind: 'VirtualMachine',
        name: 'web',
        namespace: 'shop',
        uid: vm.metadata.uid,
        resourceVersion: '7',
      },
    })
    expect(event?.series).toBeUndefined()
  })

  test('about a cluster-scoped object is in the default namespace', async () => {
    const { recorder, written } = setUp()

    recorder.normal(aHost(), 'DaemonReady', 'Ready')

    await expect.poll(async () => (await written())[0]?.metadata.namespace).toBe('default')
  })

  test('of a reason or note of its own is one of its own', async () => {
    const { recorder, written } = setUp()

    recorder.normal(vm, 'Started', 'Runs on host-1')
    recorder.normal(vm, 'Started', 'Runs on host-2')
    recorder.normal(vm, 'Stopped', 'Runs on host-2')

    await expect.poll(written).toHaveLength(3)
  })

  test('is cut where Kubernetes would refuse it', async () => {
    const { recorder, written } = setUp()

    recorder.normal(aVirtualMachine({ metadata: { name: 'n'.repeat(253) } }), 'Started', 'x'.repeat(5000))

    await expect.poll(async () => (await written())[0]?.note.length).toBe(1024)
    expect((await written())[0]?.metadata.name.length).toBeLessThanOrEqual(253)
  })
})

describe('the same again', () => {
  test('at once is one write with a count', async () => {
    const { client, recorder, written } = setUp()
    let writes = 0
    client.onCall(({ verb }) => {
      if (verb !== 'list') writes += 1
    })

    for (let i = 0; i < 5; i++) recorder.normal(vm, 'Started', 'Runs')

    await expect.poll(written).toHaveLength(1)
    expect((await written())[0]?.series?.count).toBe(5)
    expect(writes).toBe(1)
  })

  test('later counts in the series with one patch', async () => {
    const { client, clock, recorder, written } = setUp()
    recorder.normal(vm, 'Started', 'Runs')
    await expect.poll(written).toHaveLength(1)
    const verbs: string[] = []
    client.onCall(({ verb }) => {
      if (verb !== 'list') verbs.push(verb)
    })

    await clock.advance(60_000)
    recorder.normal(vm, 'Started', 'Runs')

    await expect
      .poll(async () => (await written())[0]?.series)
      .toEqual({
        count: 2,
        lastObservedTime: '2026-01-01T00:01:00.000000Z',
      })
    expect(verbs).toEqual(['patch'])
  })

  test('after a restart counts on', async () => {
    const { recorder, another, written } = setUp()
    recorder.normal(vm, 'Started', 'Runs')
    await recorder.close()

    another().normal(vm, 'Started', 'Runs')

    await expect.poll(async () => (await written()).map(({ series }) => series?.count)).toEqual([2])
  })

  test('from two processes is counted in one series by both', async () => {
    const { recorder, another, written } = setUp()
    const second = another()
    const count = async () => (await written())[0]?.series?.count
    recorder.normal(vm, 'Started', 'Runs')
    await expect.poll(written).toHaveLength(1)
    second.normal(vm, 'Started', 'Runs')
    await expect.poll(count).toBe(2)

    recorder.normal(vm, 'Started', 'Runs')

    await expect.poll(count).toBe(3)
  })

  test('after the event has expired begins anew', async () => {
    const { client, recorder, written } = setUp()
    recorder.normal(vm, 'Started', 'Runs')
    await expect.poll(written).toHaveLength(1)
    const [{ metadata }] = (await written()) as [KubeEvent]
    await client.delete(events, { name: metadata.name, namespace: 'shop' })

    recorder.normal(vm, 'Started', 'Runs')

    await expect.poll(written).toHaveLength(1)
    expect((await written())[0]?.series).toBeUndefined()
  })
})

describe('too many', () => {
  test('about one object are dropped, and trickle on as time goes by', async () => {
    const { clock, recorder, written, lines } = setUp({ perObject: { burst: 3, refillMs: 1_000 } })

    for (let i = 0; i < 10; i++) recorder.normal(vm, 'Started', `Run ${i}`)
    await expect.poll(written).toHaveLength(3)
    recorder.normal(aHost(), 'DaemonReady', 'Ready')
    await expect.poll(written).toHaveLength(4)
    await clock.advance(2_000)
    for (let i = 20; i < 30; i++) recorder.normal(vm, 'Started', `Run ${i}`)

    await expect.poll(written).toHaveLength(6)
    expect(lines[0]).toEqual(['Dropped events, there were too many', { count: 7 }])
  })

  test('to hold are dropped', async () => {
    const { client, recorder, written, lines } = setUp()
    let release = () => {}
    const held = new Promise<void>((resolve) => (release = resolve))
    const off = client.onCall(() => held)

    for (let i = 0; i < 1_200; i++) {
      recorder.normal(aVirtualMachine({ metadata: { name: `vm-${i}` } }), 'Started', 'Runs')
    }
    off()
    release()

    await expect.poll(written, { timeout: 5_000 }).toHaveLength(1_000)
    await expect.poll(() => lines).toEqual([['Dropped events, there were too many', { count: 200 }]])
  })
})

describe('an API that fails', () => {
  test('is tried again for a while', async () => {
    const { clock, client, recorder, written } = setUp()
    let failures = 2
    client.onCall(({ verb }) => {
      if (verb === 'create' && failures-- > 0) throw new StatusError('ServiceUnavailable', 'down')
    })

    recorder.normal(vm, 'Started', 'Runs')
    for (const delay of [250, 500]) {
      await clock.timerSet((ms) => ms === delay)
      await clock.advance(delay)
    }

    await expect.poll(written).toHaveLength(1)
  })

  test('for good costs a log line, and the next event is tried', async () => {
    const { client, recorder, written, lines } = setUp()
    client.onCall(({ verb }) => {
      if (verb === 'create' && refuse) throw new StatusError('Forbidden', 'no')
    })
    let refuse = true
    recorder.normal(vm, 'Started', 'Runs')
    await expect.poll(() => lines).toHaveLength(1)
    refuse = false

    recorder.normal(vm, 'Stopped', 'Ended')

    await expect.poll(written).toHaveLength(1)
    expect(lines[0]?.[1]).toMatchObject({ reason: 'Started', object: 'web' })
  })

  test('does not hold up the end of the process', async () => {
    const { clock, client, recorder } = setUp()
    client.onCall(() => {
      throw new StatusError('ServiceUnavailable', 'down')
    })
    recorder.normal(vm, 'Started', 'Runs')
    await settle()

    const closed = recorder.close(100)
    await clock.advance(100)

    await closed
  })

  test('takes nothing more in once closed', async () => {
    const { recorder, written } = setUp()
    await recorder.close()

    recorder.normal(vm, 'Started', 'Runs')
    await settle()

    expect(await written()).toEqual([])
  })
})
