import { describe, expect, test } from 'vitest'
import { disks } from '../../../../apimachinery/client/resources.ts'
import { setCondition } from '../../../../apimachinery/conditions.ts'
import { silentLogger } from '../../../../apimachinery/log.ts'
import { StatusError } from '../../../../apimachinery/status-error.ts'
import { reconcilePass } from '../../../../controllers/runtime/reconcile-pass.ts'
import {
  proceed,
  type ReconcileContext,
  type Step,
  stop,
} from '../../../../controllers/runtime/reconciler.ts'
import type { Stored } from '../../../../crds/meta/object-meta.ts'
import type { Disk } from '../../../../crds/v1alpha1/disk.ts'
import { aDisk } from '../../../support/builders.ts'
import { manualClock } from '../../../support/clock.ts'
import { type FakeCall, fakeClient } from '../../../support/fake-client.ts'

const key = { name: 'disk-1', namespace: 'default' }

async function setUp(overrides: Parameters<typeof aDisk>[0] = {}) {
  const clock = manualClock()
  const client = fakeClient({ clock, objects: [aDisk(overrides)] })
  const calls: string[] = []
  const ctx: ReconcileContext = {
    log: silentLogger,
    clock,
    events: { normal() {}, warning() {} },
    signal: new AbortController().signal,
  }
  const stored = await client.get(disks, key)
  client.onCall(
    ({ verb, subresource }: FakeCall) => void calls.push(subresource ? `${verb} ${subresource}` : verb),
  )
  const pass = (reconcile: Step<Disk>, object = stored) =>
    reconcilePass({ reconciler: { name: 'test', reconcile }, resource: disks, client }, ctx, object)
  const now = () => client.get(disks, key)
  return { client, clock, calls, stored, pass, now }
}

type Change = (disk: Stored<Disk>) => void
const does =
  (change: Change): Step<Disk> =>
  async (_ctx, disk) => {
    change(disk)
    return proceed
  }
const setPhase: Change = (disk) => {
  disk.status = { ...disk.status, phase: 'Provisioning' }
}
const addFinalizer: Change = (disk) => {
  disk.metadata.finalizers = [...(disk.metadata.finalizers ?? []), 'kvorum.dev/test']
}

describe('a pass that ends well', () => {
  test('writes the status once, with the generation that it answers', async () => {
    const { calls, pass, now } = await setUp({ metadata: { generation: 4 } })

    const { ended, written } = await pass(does(setPhase))

    expect(ended).toEqual(proceed)
    expect(calls).toEqual(['patch status'])
    const disk = await now()
    expect(disk.status).toEqual({ phase: 'Provisioning', observedGeneration: 4 })
    expect(written).toBe(disk.metadata.resourceVersion)
  })

  test('and changed nothing writes nothing', async () => {
    const { calls, pass, stored, now } = await setUp({
      metadata: { generation: 2 },
      status: { phase: 'Provisioning', observedGeneration: 2 },
    })

    const { written } = await pass(does(setPhase))

    expect(written).toBeUndefined()
    expect(calls).toEqual([])
    expect((await now()).metadata.resourceVersion).toBe(stored.metadata.resourceVersion)
  })

  test('and said the same conditions again writes nothing', async () => {
    const { clock, pass, now } = await setUp()
    const say = does((disk) =>
      setCondition(disk, clock, { type: 'Ready', status: 'False', reason: 'Provisioning', message: 'Soon' }),
    )
    await pass(say)
    await clock.advance(60_000)
    const first = await now()

    const { written } = await pass(say, first)

    expect(written).toBeUndefined()
  })

  test('writes finalizers first, and leaves the generation to the pass that they wake', async () => {
    const { calls, pass, now } = await setUp()

    const { written } = await pass(async (_ctx, disk) => {
      addFinalizer(disk)
      return stop
    })

    expect(calls).toEqual(['patch'])
    const disk = await now()
    expect(disk.metadata.finalizers).toEqual(['kvorum.dev/test'])
    expect(disk.status).toBeUndefined()
    expect(written).toBe(disk.metadata.resourceVersion)
  })

  test('writes both when both changed', async () => {
    const { calls, pass, now } = await setUp()

    const { written } = await pass(
      does((disk) => {
        addFinalizer(disk)
        setPhase(disk)
      }),
    )

    expect(calls).toEqual(['patch', 'patch status'])
    const disk = await now()
    expect(disk).toMatchObject({
      metadata: { finalizers: ['kvorum.dev/test'] },
      status: { phase: 'Provisioning' },
    })
    expect(written).toBe(disk.metadata.resourceVersion)
  })

  test('on the last finalizer lets the object go and writes no status after it', async () => {
    const { client, calls, pass, now } = await setUp({ metadata: { finalizers: ['kvorum.dev/test'] } })
    await client.delete(disks, key)
    const deleting = await now()
    calls.length = 0

    const { ended } = await pass(
      does((disk) => {
        disk.metadata.finalizers = []
        setPhase(disk)
      }),
      deleting,
    )

    expect(ended).toEqual(proceed)
    expect(calls).toEqual(['patch'])
    await expect(now()).rejects.toMatchObject({ reason: 'NotFound' })
  })

  test('on an object that is gone by now is done', async () => {
    const { client, pass } = await setUp()
    await client.delete(disks, key)

    expect(await pass(does(setPhase))).toEqual({ ended: proceed, written: undefined })
  })
})

describe('an object that somebody else changed', () => {
  test('is not overwritten: the pass ends in a conflict', async () => {
    const { client, pass, now } = await setUp()
    await client.patch(disks, key, { type: 'merge', body: { spec: { size: '20Gi' } } })

    const { ended, written } = await pass(does(setPhase))

    expect(ended).toEqual({ next: 'conflict' })
    expect(written).toBeUndefined()
    expect((await now()).status).toBeUndefined()
  })

  test('and that a step met as a conflict of its own is one, too', async () => {
    const { pass } = await setUp()

    const { ended } = await pass(() => Promise.reject(new StatusError('Conflict', 'changed')))

    expect(ended).toEqual({ next: 'conflict' })
  })
})

describe('a pass that fails', () => {
  test('keeps what was found out, but neither finalizers nor the generation', async () => {
    const { pass, now } = await setUp({ status: { observedGeneration: 0 } })
    const error = new Error('libvirt is away')

    const { ended } = await pass(async (_ctx, disk) => {
      setPhase(disk)
      addFinalizer(disk)
      throw error
    })

    expect(ended).toEqual({ next: 'failed', error })
    const disk = await now()
    expect(disk.status).toEqual({ phase: 'Provisioning', observedGeneration: 0 })
    expect(disk.metadata.finalizers).toBeUndefined()
  })

  test('says what went wrong first when writing fails, too', async () => {
    const { client, pass } = await setUp()
    client.onCall(() => {
      throw new StatusError('ServiceUnavailable', 'down')
    })
    const error = new Error('libvirt is away')

    const { ended } = await pass(async (_ctx, disk) => {
      setPhase(disk)
      throw error
    })

    expect(ended).toEqual({ next: 'failed', error })
  })

  test('because the server is away says so', async () => {
    const { client, pass } = await setUp()
    const error = new StatusError('ServiceUnavailable', 'down')
    client.onCall(() => {
      throw error
    })

    expect((await pass(does(setPhase))).ended).toEqual({ next: 'failed', error })
  })

  test('because a step changed the spec names the mistake', async () => {
    const { pass } = await setUp()

    const { ended } = await pass(does((disk) => (disk.spec = { ...disk.spec, size: '1Ti' })))

    expect(ended).toMatchObject({
      next: 'failed',
      error: { message: expect.stringContaining('spec') as string },
    })
  })
})
