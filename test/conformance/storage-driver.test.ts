import { execFile } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { fakeStorage } from '../../node-daemon/storage/fake/fake-storage.ts'
import { LocalStorageDriver } from '../../node-daemon/storage/local/local-storage-driver.ts'
import type { ImageImport, NewDisk, VolumeKey } from '../../node-daemon/storage/storage-driver.ts'
import { storageDriverConformance } from './storage-driver-conformance.ts'
import { qcow2Header, rawImage } from './storage-driver-images.ts'

const run = promisify(execFile)
const mebibyte = 1024 ** 2
const image: VolumeKey = { kind: 'image', uid: 'image-1' }
const disk = (uid: string): VolumeKey => ({ kind: 'disk', uid })

const aRawDisk: NewDisk = { format: 'raw', capacityBytes: mebibyte, preallocate: false, image: undefined }
const onImage = (capacityBytes?: number): NewDisk => ({
  format: 'qcow2',
  capacityBytes,
  preallocate: false,
  image,
})

describe('the fake', () => {
  storageDriverConformance(async () => ({ driver: fakeStorage(), stop: async () => {} }))
})

describe('a local domain', () => {
  storageDriverConformance(async () => {
    const directory = await mkdtemp(join(tmpdir(), 'kvorum-storage-'))
    return {
      driver: new LocalStorageDriver({ directory: join(directory, 'default') }),
      stop: () => rm(directory, { recursive: true }),
    }
  })
})

describe('a local domain on real files', () => {
  let directory: string
  let driver: LocalStorageDriver
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'kvorum-storage-'))
    driver = new LocalStorageDriver({ directory: join(directory, 'default') })
    await driver.attach()
  })
  afterEach(() => rm(directory, { recursive: true }))

  const files = async () => [
    ...(await readdir(join(directory, 'default', 'images'))),
    ...(await readdir(join(directory, 'default', 'disks'))),
  ]

  function source(bytes: Buffer, format?: ImageImport['format']): ImageImport {
    return {
      format,
      checksum: undefined,
      onProgress() {},
      async open() {
        return { body: [bytes] as unknown as AsyncIterable<Uint8Array>, totalBytes: bytes.length }
      },
    }
  }

  async function imageFile(format: string, ...options: string[]): Promise<Buffer> {
    const raw = join(directory, 'raw')
    const path = join(directory, `made.${format}`)
    await writeFile(raw, rawImage(4 * mebibyte))
    await run('qemu-img', ['convert', '-f', 'raw', '-O', format, ...options, raw, path])
    return readFile(path)
  }

  async function contentOf(path: string, format: string): Promise<Buffer> {
    const raw = join(directory, 'content')
    await run('qemu-img', ['convert', '-f', format, '-O', 'raw', path, raw])
    return readFile(raw)
  }

  test.each([
    { format: 'qcow2', options: [] },
    { format: 'qcow2', options: ['-c'] },
    { format: 'qcow2', options: ['-o', 'compat=0.10'] },
    { format: 'vmdk', options: [] },
    { format: 'vmdk', options: ['-o', 'subformat=streamOptimized'] },
    { format: 'vdi', options: [] },
  ])('an image in $format $options keeps its content, and so does a disk made from it', async (row) => {
    const imported = await driver.importImage(image, source(await imageFile(row.format, ...row.options)))
    expect(imported).toMatchObject({ sourceFormat: row.format, capacityBytes: 4 * mebibyte })
    expect(await contentOf(imported.path, 'qcow2')).toEqual(rawImage(4 * mebibyte))

    const made = await driver.createDisk(disk('disk-1'), onImage(8 * mebibyte))
    expect((await contentOf(made.path, 'qcow2')).subarray(0, 4 * mebibyte)).toEqual(rawImage(4 * mebibyte))
  })

  test('fifty disks share one copy of the image', async () => {
    const filled = Buffer.alloc(8 * mebibyte, 1)
    await driver.importImage(image, source(filled))
    const made = await Promise.all(
      Array.from({ length: 50 }, (_, index) => driver.createDisk(disk(`disk-${index}`), onImage())),
    )
    for (const { allocatedBytes } of made) expect(allocatedBytes).toBeLessThan(mebibyte)
  })

  test('an image that was cut short is refused', async () => {
    const whole = await imageFile('qcow2')
    const cut = whole.subarray(0, whole.length - 128 * 1024)
    await expect(driver.importImage(image, source(cut))).rejects.toMatchObject({
      code: 'invalid-image',
      message: 'the image is damaged or was cut short',
    })
    expect(await files()).toEqual([])
  })

  test('an image over a real backing file is refused', async () => {
    const base = join(directory, 'base.qcow2')
    const over = join(directory, 'over.qcow2')
    await run('qemu-img', ['create', '-f', 'qcow2', base, '1M'])
    await run('qemu-img', ['create', '-f', 'qcow2', '-b', base, '-F', 'qcow2', over])
    await expect(driver.importImage(image, source(await readFile(over)))).rejects.toMatchObject({
      code: 'invalid-image',
    })
  })

  test('an image with a real data file is refused', async () => {
    const path = join(directory, 'split.qcow2')
    const options = `data_file=${join(directory, 'data.raw')}`
    await run('qemu-img', ['create', '-f', 'qcow2', '-o', options, path, '1M'])
    await expect(driver.importImage(image, source(await readFile(path)))).rejects.toMatchObject({
      code: 'invalid-image',
    })
  })

  test('a vmdk that is but a list of files of the host is refused', async () => {
    const vmdk = await imageFile('vmdk')
    vmdk.writeBigUInt64LE(0n, 12)
    const at = vmdk.indexOf('RW 8192 SPARSE')
    vmdk.write('RW 1 FLAT "/etc/hostname" 0\n', at)
    await expect(driver.importImage(image, source(vmdk))).rejects.toMatchObject({ code: 'invalid-image' })
  })

  test('a vmdk over a parent is refused', async () => {
    const over = join(directory, 'over.vmdk')
    await imageFile('vmdk')
    await run('qemu-img', ['create', '-f', 'vmdk', '-b', join(directory, 'made.vmdk'), '-F', 'vmdk', over])
    await expect(driver.importImage(image, source(await readFile(over)))).rejects.toMatchObject({
      code: 'invalid-image',
    })
  })

  test('an image whose bytes are another format is only read as raw', async () => {
    const bytes = qcow2Header((header) => {
      header.writeBigUInt64BE(512n, 8)
      header.writeUInt32BE('/etc/hostname'.length, 16)
      header.write('/etc/hostname', 512)
    })
    const imported = await driver.importImage(image, source(bytes, 'raw'))
    expect((await contentOf(imported.path, 'qcow2')).subarray(0, bytes.length)).toEqual(bytes)
  })

  test('what a crash left of the making is removed with the volume', async () => {
    await writeFile(join(directory, 'default/disks/disk-1.qcow2.partial'), 'half')
    await writeFile(join(directory, 'default/images/image-1.source.partial'), 'half')
    await writeFile(join(directory, 'default/images/image-1.qcow2.partial'), 'half')
    await driver.removeVolume(disk('disk-1'))
    await driver.removeVolume(image)
    expect(await files()).toEqual([])
  })

  test('what a crash left of the making is in nobody’s way', async () => {
    await writeFile(join(directory, 'default/disks/disk-1.qcow2.partial'), 'half')
    await writeFile(join(directory, 'default/images/image-1.source.partial'), 'half')
    await driver.importImage(image, source(rawImage()))
    await driver.createDisk(disk('disk-1'), onImage())
    expect(await files()).toEqual(['image-1.json', 'image-1.qcow2', 'disk-1.qcow2'])
  })

  test('removing the last disk over a deleted image empties the domain', async () => {
    await driver.importImage(image, source(rawImage()))
    await driver.createDisk(disk('disk-1'), onImage())
    await driver.removeVolume(image)
    expect(await files()).toContain('image-1.qcow2')
    await driver.removeVolume(disk('disk-1'))
    expect(await files()).toEqual([])
  })

  test('others may pass through the directories, but not look into them or at the files', async () => {
    const mode = async (...path: string[]) => (await stat(join(directory, 'default', ...path))).mode & 0o777
    const made = await driver.createDisk(disk('disk-1'), aRawDisk)
    expect(await mode()).toBe(0o711)
    expect(await mode('disks')).toBe(0o711)
    expect((await stat(made.path)).mode & 0o777).toBe(0o600)
    const imported = await driver.importImage(image, source(rawImage()))
    expect((await stat(imported.path)).mode & 0o777).toBe(0o600)
  })

  test('a directory of the operator keeps its mode', async () => {
    const own = join(directory, 'own')
    await mkdir(own)
    await chmod(own, 0o755)
    await new LocalStorageDriver({ directory: own }).attach()
    expect((await stat(own)).mode & 0o777).toBe(0o755)
  })

  test('a directory that cannot be made is unavailable, and no path is told', async () => {
    await writeFile(join(directory, 'file'), '')
    const error = await new LocalStorageDriver({ directory: join(directory, 'file', 'sub') }).attach().then(
      () => expect.unreachable('should have failed'),
      (thrown: unknown) => thrown,
    )
    expect(error).toMatchObject({ code: 'unavailable' })
    expect((error as Error).message).not.toContain(directory)
  })

  test('a disk that a machine has open reports its size', async () => {
    const made = await driver.createDisk(disk('disk-1'), aRawDisk)
    await truncate(made.path, 3 * mebibyte)
    expect(await driver.statVolume(disk('disk-1'))).toMatchObject({ capacityBytes: 3 * mebibyte })
  })
})
