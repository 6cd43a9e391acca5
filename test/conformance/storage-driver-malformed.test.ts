import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { LocalStorageDriver } from '../../node-daemon/storage/local/local-storage-driver.ts'
import type { VolumeKey } from '../../node-daemon/storage/storage-driver.ts'
import { type GoodImages, makeGoodImages, malformedImages } from './malformed-images.ts'
import { aSource } from './storage-driver-images.ts'

const image: VolumeKey = { kind: 'image', uid: 'image-1' }

describe('images that were made to hurt', () => {
  let directory: string
  let driver: LocalStorageDriver
  let good: GoodImages
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'kvorum-malformed-'))
    driver = new LocalStorageDriver({ directory: join(directory, 'default') })
    await driver.attach()
    good = await makeGoodImages(directory)
  })
  afterAll(() => rm(directory, { recursive: true }))

  afterEach(() => driver.removeVolume(image))

  const files = () => readdir(join(directory, 'default'), { recursive: true })

  test.each(['qcow2', 'compressed', 'vmdk', 'vdi', 'iso'] as const)('undamaged, %s is fine', async (kind) => {
    await driver.importImage(image, aSource(good[kind]))
    await driver.removeVolume(image)
    expect((await files()).toSorted()).toEqual(['disks', 'images'])
  })

  test.each(malformedImages)('$name is refused, and nothing stays', async ({ make, format, says }) => {
    const error = await driver.importImage(image, aSource(make(good), { format })).then(
      () => expect.unreachable('should have been refused'),
      (thrown: unknown) => thrown as Error,
    )
    expect(error).toMatchObject({ name: 'StorageDriverError', code: 'invalid-image' })
    expect(error.message).toMatch(says)
    // A message is shown to whoever made the Image: paths and contents of the host are not theirs.
    expect(error.message).not.toMatch(/shadow|\/tmp|default\//)
    expect((await files()).toSorted()).toEqual(['disks', 'images'])
  })

  test('a CD keeps its bytes', async () => {
    const imported = await driver.importImage(image, aSource(good.iso))
    expect(imported).toMatchObject({ sourceFormat: 'iso', capacityBytes: good.iso.length })
    expect((await readFile(imported.path)).includes('CD001')).toBe(true)
    await driver.removeVolume(image)
  })
})
