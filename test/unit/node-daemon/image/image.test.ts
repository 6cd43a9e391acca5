import { createHash } from 'node:crypto'
import { afterEach, describe, expect, test } from 'vitest'
import { images } from '../../../../apimachinery/client/resources.ts'
import { getCondition } from '../../../../apimachinery/conditions.ts'
import type { Image } from '../../../../crds/v1alpha1/image.ts'
import { unreachable } from '../../../../node-daemon/image/unreachable.ts'
import { StorageDriverError } from '../../../../node-daemon/storage/storage-driver.ts'
import type { Overrides } from '../../../support/builders.ts'
import { anImage, aWorld, bytesSource, hostName, type World } from '../support.ts'

let world: World
afterEach(() => world.stop())

const key = { namespace: 'default', name: 'image-1' }
const bytes = Buffer.alloc(1024 ** 2, 1)
const sum = (content: Buffer) => `sha256:${createHash('sha256').update(content).digest('hex')}`

function start(overrides: Overrides<Image> = {}, prepare: (world: World) => void = () => {}): World {
  world = aWorld(anImage({ status: { hostName, phase: 'Pending' }, ...overrides }))
  prepare(world)
  world.start()
  return world
}

const ready = async () => getCondition((await world.image()) ?? {}, 'Ready')

/** Hands out one piece, and the rest when `release` is called. */
function slowSource() {
  const gate = Promise.withResolvers<void>()
  let ended = false
  async function* body(signal: AbortSignal) {
    try {
      yield bytes.subarray(0, 500_000)
      await Promise.race([
        gate.promise,
        new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error))),
      ])
      yield bytes.subarray(500_000)
    } finally {
      ended = true
    }
  }
  return {
    open: async (signal: AbortSignal) => ({ body: body(signal), totalBytes: bytes.length }),
    release: () => gate.resolve(),
    ended: () => ended,
  }
}

describe('an image that this host imports', () => {
  test('is imported, and its status says what came', async () => {
    start({ spec: { checksum: sum(bytes) } })
    await world.settle(1_000)
    expect(await world.image()).toMatchObject({
      metadata: { finalizers: ['kvorum.dev/image'] },
      status: {
        phase: 'Ready',
        progress: '100%',
        digest: sum(bytes),
        format: 'raw',
        virtualSizeBytes: bytes.length,
        observedGeneration: 1,
      },
    })
    expect(await ready()).toMatchObject({ status: 'True', reason: 'Imported' })
  })

  test('of another host is left to it', async () => {
    start({ status: { hostName: 'host-2' } })
    await world.settle(5_000)
    expect((await world.image())?.status?.phase).toBeUndefined()
    expect(world.storage.world.imports).toBe(0)
  })

  test('with another checksum fails for good, with both sums, and nothing of it stays', async () => {
    const promised = sum(Buffer.from('something else'))
    start({ spec: { checksum: promised } })
    await world.settle(1_000)
    expect((await world.image())?.status?.phase).toBe('Failed')
    const condition = await ready()
    expect(condition).toMatchObject({ status: 'False', reason: 'ChecksumMismatch' })
    expect(condition?.message).toContain(promised)
    expect(condition?.message).toContain(sum(bytes))
    expect(world.storage.world.stored).toEqual([])
    await world.settle(600_000)
    expect(world.storage.world.imports).toBe(1)
  })

  test('that is no image fails for good', async () => {
    start({}, (it) => (it.source = bytesSource(Buffer.from('1f8b08', 'hex'))))
    await world.settle(1_000)
    expect((await world.image())?.status?.phase).toBe('Failed')
    expect(await ready()).toMatchObject({
      reason: 'InvalidImage',
      message: expect.stringMatching(/^The image is gzip/),
    })
  })

  test('whose source does not answer is tried again, later and later, until it does', async () => {
    let attempts = 0
    start({}, (it) => {
      it.source = async (signal) => {
        attempts += 1
        if (attempts <= 3) throw unreachable('images.test cannot be reached')
        return bytesSource(bytes)(signal)
      }
    })
    await world.settle(1_000)
    expect(await ready()).toMatchObject({
      reason: 'SourceUnreachable',
      message: 'Images.test cannot be reached',
    })
    expect((await world.image())?.status?.phase).toBe('Importing')
    expect(attempts).toBe(1)
    await world.settle(2_000)
    expect(attempts).toBe(2)
    await world.settle(13_000)
    expect((await world.image())?.status?.phase).toBe('Ready')
  })

  test('for which there is no space says so and is tried again', async () => {
    const full = new StorageDriverError('no-space', 'the storage domain has no space left')
    start({}, (it) => it.storage.world.failNext('importImage', full, 1))
    await world.settle(500)
    expect(await ready()).toMatchObject({
      reason: 'ImportFailed',
      message: 'The storage domain has no space left',
    })
    await world.settle(5_000)
    expect((await world.image())?.status?.phase).toBe('Ready')
  })

  test('tells its progress, at most once a second', async () => {
    const source = slowSource()
    start({}, (it) => (it.source = source.open))
    await world.settle(3_000)
    expect((await world.image())?.status).toMatchObject({ phase: 'Importing', progress: '47%' })
    source.release()
    await world.settle(1_000)
    expect((await world.image())?.status).toMatchObject({ phase: 'Ready', progress: '100%' })
  })

  test('that is deleted while it arrives stops arriving and goes', async () => {
    const source = slowSource()
    start({}, (it) => (it.source = source.open))
    await world.settle(1_000)
    await world.client.delete(images, key)
    await world.settle(1_000)
    expect(source.ended()).toBe(true)
    expect(await world.image()).toBeUndefined()
    expect(world.storage.world.stored).toEqual([])
  })

  test('that is deleted goes with its copy', async () => {
    start()
    await world.settle(1_000)
    expect(world.storage.world.stored).toHaveLength(1)
    await world.client.delete(images, key)
    await world.settle(1_000)
    expect(await world.image()).toBeUndefined()
    expect(world.storage.world.stored).toEqual([])
  })

  test('whose copy somebody removed is imported again', async () => {
    start()
    await world.settle(1_000)
    const { uid = '' } = (await world.image())?.metadata ?? {}
    await world.storage.removeVolume({ kind: 'image', uid })
    await world.stop()
    world.start()
    await world.settle(1_000)
    expect(world.storage.world.imports).toBe(2)
    expect((await world.image())?.status?.phase).toBe('Ready')
  })

  test('waits for its storage domain', async () => {
    const broken = new StorageDriverError('unavailable', 'the directory cannot be used')
    start({}, (it) => it.storage.world.failNext('attach', broken, 1))
    await world.settle(3_000)
    expect(await ready()).toMatchObject({ reason: 'WaitingForHost' })
    await world.settle(5_000)
    expect((await world.image())?.status?.phase).toBe('Ready')
  })
})
