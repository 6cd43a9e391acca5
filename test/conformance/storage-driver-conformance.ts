import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { NewDisk, StorageDriver, VolumeKey } from '../../node-daemon/storage/storage-driver.ts'
import { aSource, hostileImages, rawImage, sha256, sha512 } from './storage-driver-images.ts'

/** One domain for one test. */
export interface StorageDriverUnderTest {
  readonly driver: StorageDriver
  stop(): Promise<void>
}

const mebibyte = 1024 ** 2
const disk = (uid = 'disk-1'): VolumeKey => ({ kind: 'disk', uid })
const image = (uid = 'image-1'): VolumeKey => ({ kind: 'image', uid })

function aDisk(overrides: Partial<NewDisk> = {}): NewDisk {
  return {
    format: 'qcow2',
    capacityBytes: 8 * mebibyte,
    preallocate: false,
    image: undefined,
    ...overrides,
  }
}

/** What every `StorageDriver` does, whatever it keeps volumes on. */
export function storageDriverConformance(start: () => Promise<StorageDriverUnderTest>): void {
  let running: StorageDriverUnderTest
  let driver: StorageDriver
  beforeEach(async () => {
    running = await start()
    driver = running.driver
    await driver.attach()
  })
  afterEach(() => running.stop())

  const refusal = (work: Promise<unknown>) =>
    work.then(
      () => expect.unreachable('should have been refused'),
      (error: unknown) => error,
    )

  describe('attach', () => {
    test('measures the domain, however often it is asked', async () => {
      const usage = await driver.attach()
      expect(usage.capacityBytes).toBeGreaterThan(0)
      expect(usage.availableBytes).toBeLessThanOrEqual(usage.capacityBytes)
    })
  })

  describe('blank disks', () => {
    test.each(['qcow2', 'raw'] as const)('a %s disk has the size asked for', async (format) => {
      const made = await driver.createDisk(disk(), aDisk({ format }))
      expect(made).toMatchObject({ format, capacityBytes: 8 * mebibyte })
      expect(made.path).toMatch(/^\//)
      expect(await driver.statVolume(disk())).toEqual(made)
    })

    test('there is nothing before it is made', async () => {
      expect(await driver.statVolume(disk())).toBeUndefined()
      expect(await driver.statVolume(image())).toBeUndefined()
    })

    test('making it again changes nothing', async () => {
      const made = await driver.createDisk(disk(), aDisk())
      expect(await driver.createDisk(disk(), aDisk({ capacityBytes: 9 * mebibyte }))).toEqual(made)
    })

    test('a preallocated disk is made too', async () => {
      const made = await driver.createDisk(disk(), aDisk({ preallocate: true }))
      expect(made.capacityBytes).toBe(8 * mebibyte)
    })

    test('an odd size is rounded up to whole sectors', async () => {
      expect((await driver.createDisk(disk(), aDisk({ capacityBytes: 1000 }))).capacityBytes).toBe(1024)
    })

    test('a size must come from somewhere', async () => {
      const error = await refusal(driver.createDisk(disk(), aDisk({ capacityBytes: undefined })))
      expect(error).toMatchObject({ name: 'StorageDriverError', code: 'failed' })
    })

    test.each(['../escape', 'a/b', '', '.', 'x'.repeat(65)])('uid %j is refused', async (uid) => {
      expect(await refusal(driver.createDisk(disk(uid), aDisk()))).toMatchObject({ code: 'failed' })
      expect(await refusal(driver.importImage(image(uid), aSource(rawImage())))).toMatchObject({
        code: 'failed',
      })
    })
  })

  describe('growing', () => {
    test.each(['qcow2', 'raw'] as const)('a %s disk grows', async (format) => {
      await driver.createDisk(disk(), aDisk({ format }))
      expect(await driver.growDisk(disk(), 16 * mebibyte)).toMatchObject({ capacityBytes: 16 * mebibyte })
      expect(await driver.statVolume(disk())).toMatchObject({ capacityBytes: 16 * mebibyte })
    })

    test('it never shrinks', async () => {
      await driver.createDisk(disk(), aDisk())
      expect(await driver.growDisk(disk(), mebibyte)).toMatchObject({ capacityBytes: 8 * mebibyte })
    })

    test('what is not there cannot grow', async () => {
      expect(await refusal(driver.growDisk(disk(), mebibyte))).toMatchObject({ code: 'not-found' })
    })
  })

  describe('importing', () => {
    test('raw bytes become an image, with their digest', async () => {
      const bytes = rawImage()
      const imported = await driver.importImage(image(), aSource(bytes))
      expect(imported).toMatchObject({
        format: 'qcow2',
        sourceFormat: 'raw',
        capacityBytes: mebibyte,
        digest: sha256(bytes),
      })
      expect(await driver.statVolume(image())).toMatchObject({
        path: imported.path,
        capacityBytes: mebibyte,
      })
    })

    test.each([
      ['sha256', sha256],
      ['sha512', sha512],
    ])('a right %s checksum is the digest', async (_name, sum) => {
      const bytes = rawImage()
      const imported = await driver.importImage(image(), aSource(bytes, { checksum: sum(bytes) }))
      expect(imported.digest).toBe(sum(bytes))
    })

    test('a wrong checksum is told with both sums, and nothing stays', async () => {
      const wrong = sha256(Buffer.from('something else'))
      const error = await refusal(driver.importImage(image(), aSource(rawImage(), { checksum: wrong })))
      expect(error).toMatchObject({ code: 'checksum-mismatch' })
      expect((error as Error).message).toContain(wrong)
      expect((error as Error).message).toContain(sha256(rawImage()))
      expect(await driver.statVolume(image())).toBeUndefined()
    })

    test.each(hostileImages)('$name is refused, and nothing stays', async ({ bytes, says }) => {
      const error = await refusal(driver.importImage(image(), aSource(bytes)))
      expect(error).toMatchObject({ name: 'StorageDriverError', code: 'invalid-image' })
      expect((error as Error).message).toMatch(says)
      expect(await driver.statVolume(image())).toBeUndefined()
    })

    test.each(['qcow2', 'vmdk', 'vdi'] as const)('raw bytes are not taken for %s', async (format) => {
      const error = await refusal(driver.importImage(image(), aSource(rawImage(), { format })))
      expect(error).toMatchObject({ code: 'invalid-image' })
    })

    test('a compressed stream may be the disk itself when the format says raw', async () => {
      const bytes = Buffer.concat([Buffer.from('1f8b08', 'hex'), rawImage()])
      const imported = await driver.importImage(image(), aSource(bytes, { format: 'raw' }))
      expect(imported.sourceFormat).toBe('raw')
    })

    test('progress goes up and never says it is done before it is', async () => {
      const source = aSource(rawImage(2 * mebibyte))
      await driver.importImage(image(), source)
      expect(source.percents.length).toBeGreaterThan(2)
      expect(source.percents).toEqual([...source.percents].toSorted((a, b) => a - b))
      expect(source.percents.at(-1)).toBe(99)
    })

    test('a source that breaks off leaves nothing, and the next try succeeds', async () => {
      const error = await refusal(driver.importImage(image(), aSource(rawImage(), { failAfter: 500_000 })))
      expect(error).toMatchObject({ message: 'the source broke off' })
      expect(await driver.statVolume(image())).toBeUndefined()
      await driver.importImage(image(), aSource(rawImage()))
      expect(await driver.statVolume(image())).toBeDefined()
    })

    test('an abort ends it and leaves nothing', async () => {
      const stop = new AbortController()
      const source = aSource(rawImage(2 * mebibyte), { onProgress: () => stop.abort(new Error('stopped')) })
      const error = await refusal(driver.importImage(image(), source, stop.signal))
      expect(error).toMatchObject({ message: 'stopped' })
      expect(await driver.statVolume(image())).toBeUndefined()
    })

    test('what is there is not fetched again', async () => {
      const first = await driver.importImage(image(), aSource(rawImage()))
      const again = aSource(rawImage())
      expect(await driver.importImage(image(), again)).toEqual(first)
      expect(again.opened).toBe(0)
    })

    test('two at once fetch once', async () => {
      const source = aSource(rawImage())
      await Promise.all([driver.importImage(image(), source), driver.importImage(image(), source)])
      expect(source.opened).toBe(1)
    })
  })

  describe('disks from an image', () => {
    beforeEach(() => driver.importImage(image(), aSource(rawImage())))
    const fromImage = (overrides: Partial<NewDisk> = {}) =>
      aDisk({ capacityBytes: undefined, image: image(), ...overrides })

    test.each([
      { name: 'thin', spec: fromImage() },
      { name: 'preallocated', spec: fromImage({ preallocate: true }) },
      { name: 'raw', spec: fromImage({ format: 'raw' }) },
      { name: 'preallocated raw', spec: fromImage({ format: 'raw', preallocate: true }) },
    ])('a $name disk has the size of its image', async ({ spec }) => {
      expect(await driver.createDisk(disk(), spec)).toMatchObject({
        capacityBytes: mebibyte,
        format: spec.format,
      })
    })

    test.each(['qcow2', 'raw'] as const)('a %s disk may be larger', async (format) => {
      const made = await driver.createDisk(disk(), fromImage({ format, capacityBytes: 4 * mebibyte }))
      expect(made.capacityBytes).toBe(4 * mebibyte)
    })

    test('it may not be smaller', async () => {
      const error = await refusal(driver.createDisk(disk(), fromImage({ capacityBytes: 512 })))
      expect(error).toMatchObject({ code: 'too-small' })
      expect(await driver.statVolume(disk())).toBeUndefined()
    })

    test('an image that is not there is not found', async () => {
      const error = await refusal(driver.createDisk(disk(), fromImage({ image: image('image-2') })))
      expect(error).toMatchObject({ code: 'not-found' })
    })

    test('twenty at once are twenty', async () => {
      const uids = Array.from({ length: 20 }, (_, index) => `disk-${index}`)
      const made = await Promise.all(uids.map((uid) => driver.createDisk(disk(uid), fromImage())))
      expect(new Set(made.map(({ path }) => path)).size).toBe(20)
    })
  })

  describe('removing', () => {
    test('a disk is gone, and removing it again is no error', async () => {
      await driver.createDisk(disk(), aDisk())
      await driver.removeVolume(disk())
      await driver.removeVolume(disk())
      expect(await driver.statVolume(disk())).toBeUndefined()
    })

    test('an image that nothing uses is gone with its bytes', async () => {
      await driver.importImage(image(), aSource(rawImage()))
      await driver.removeVolume(image())
      await driver.removeVolume(image())
      expect(await driver.statVolume(image())).toBeUndefined()
      const again = aSource(rawImage())
      await driver.importImage(image(), again)
      expect(again.opened).toBe(1)
    })

    test('a removed image is gone for new disks, while the ones on it stay', async () => {
      await driver.importImage(image(), aSource(rawImage()))
      const made = await driver.createDisk(disk(), aDisk({ image: image() }))
      await driver.removeVolume(image())
      expect(await driver.statVolume(image())).toBeUndefined()
      expect(await driver.statVolume(disk())).toEqual(made)
      expect(await refusal(driver.createDisk(disk('disk-2'), aDisk({ image: image() })))).toMatchObject({
        code: 'not-found',
      })
    })

    test('a removed image that a disk still uses comes back without being fetched', async () => {
      await driver.importImage(image(), aSource(rawImage()))
      await driver.createDisk(disk(), aDisk({ image: image() }))
      await driver.removeVolume(image())
      const again = aSource(rawImage())
      await driver.importImage(image(), again)
      expect(again.opened).toBe(0)
      expect(await driver.statVolume(image())).toBeDefined()
    })

    test('the last disk takes a removed image with it', async () => {
      await driver.importImage(image(), aSource(rawImage()))
      await driver.createDisk(disk('disk-1'), aDisk({ image: image() }))
      await driver.createDisk(disk('disk-2'), aDisk({ image: image() }))
      await driver.removeVolume(image())
      await driver.removeVolume(disk('disk-1'))
      await driver.removeVolume(disk('disk-2'))
      const again = aSource(rawImage())
      await driver.importImage(image(), again)
      expect(again.opened).toBe(1)
    })
  })
}
