import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { link, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { gzipSync } from 'node:zlib'
import { unreachable } from '../../node-daemon/image/unreachable.ts'
import { LocalStorageDriver } from '../../node-daemon/storage/local/local-storage-driver.ts'
import { unpackImage } from '../../node-daemon/storage/local/unpack-image.ts'
import type { ImageImport, ResumePoint, VolumeKey } from '../../node-daemon/storage/storage-driver.ts'
import { aSource, rawImage, sha256 } from './storage-driver-images.ts'

const run = promisify(execFile)
const mebibyte = 1024 ** 2
const image: VolumeKey = { kind: 'image', uid: 'image-1' }
const bytes = rawImage(4 * mebibyte)

let directory: string
let driver: LocalStorageDriver
const aDriver = () => new LocalStorageDriver({ directory: join(directory, 'default') })
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kvorum-imports-'))
  driver = aDriver()
  await driver.attach()
})
afterEach(() => rm(directory, { recursive: true }))

const files = () => readdir(join(directory, 'default', 'images'))

async function contentOf(path: string): Promise<Buffer> {
  const raw = join(directory, 'content')
  await run('qemu-img', ['convert', '-f', 'qcow2', '-O', 'raw', path, raw])
  return readFile(raw)
}

describe('a download that broke off', () => {
  /** Of a version that can be gone on from; breaks off at `failAt`, or stops there when `stop` is given. */
  function source(version: string | undefined, failAt?: number, stop?: AbortController) {
    const asked: (ResumePoint | undefined)[] = []
    async function* body(offset: number) {
      for (let at = offset; at < bytes.length; at += 100_000) {
        if (failAt !== undefined && at >= failAt) {
          if (stop === undefined) throw unreachable('the source broke off')
          stop.abort(new Error('the daemon stops'))
        }
        yield bytes.subarray(at, at + 100_000)
      }
    }
    const result: ImageImport = {
      format: undefined,
      checksum: sha256(bytes),
      onProgress() {},
      async open(_signal, from) {
        asked.push(from)
        const offset = from !== undefined && from.version === version ? from.offset : 0
        return { body: body(offset), totalBytes: bytes.length, offset, version }
      },
    }
    return { asked, result }
  }

  test('goes on where it was, also in a new daemon', async () => {
    await expect(driver.importImage(image, source('v1', 1_000_000).result)).rejects.toThrow('broke off')
    const again = source('v1')
    const imported = await aDriver().importImage(image, again.result)
    expect(again.asked).toEqual([{ offset: 1_000_000, version: 'v1' }])
    expect(imported.digest).toBe(sha256(bytes))
    expect((await contentOf(imported.path)).equals(bytes)).toBe(true)
    expect(await files()).toEqual(['image-1.json', 'image-1.qcow2'])
  })

  test('goes on after the daemon was stopped in the middle', async () => {
    const stop = new AbortController()
    const stopped = driver.importImage(image, source('v1', 1_000_000, stop).result, stop.signal)
    await expect(stopped).rejects.toThrow('the daemon stops')
    const again = source('v1')
    expect((await aDriver().importImage(image, again.result)).digest).toBe(sha256(bytes))
    expect(again.asked[0]?.offset).toBeGreaterThan(0)
  })

  test('begins anew when the source has changed', async () => {
    await expect(driver.importImage(image, source('v1', 1_000_000).result)).rejects.toThrow('broke off')
    expect((await driver.importImage(image, source('v2').result)).digest).toBe(sha256(bytes))
  })

  test('leaves nothing where the source cannot go on', async () => {
    await expect(driver.importImage(image, source(undefined, 1_000_000).result)).rejects.toThrow('broke off')
    expect(await files()).toEqual([])
  })

  test('goes with its image', async () => {
    await expect(driver.importImage(image, source('v1', 1_000_000).result)).rejects.toThrow('broke off')
    expect(await files()).not.toEqual([])
    await driver.removeVolume(image)
    expect(await files()).toEqual([])
  })

  test.each(['', 'null', '{"version":"v1","bytes":999999999}', '{"version":"v1","bytes":-1}'])(
    'with its state damaged to %j begins anew',
    async (state) => {
      await expect(driver.importImage(image, source('v1', 1_000_000).result)).rejects.toThrow('broke off')
      await writeFile(join(directory, 'default/images/image-1.state.partial'), state)
      const again = source('v1')
      expect((await driver.importImage(image, again.result)).digest).toBe(sha256(bytes))
      expect(again.asked).toEqual([undefined])
    },
  )

  test('whose first part was changed on the disk is found out by the checksum', async () => {
    await expect(driver.importImage(image, source('v1', 1_000_000).result)).rejects.toThrow('broke off')
    await writeFile(join(directory, 'default/images/image-1.source.partial'), Buffer.alloc(1_000_000, 9))
    await expect(driver.importImage(image, source('v1').result)).rejects.toMatchObject({
      code: 'checksum-mismatch',
    })
    expect(await files()).toEqual([])
  })
})

describe('a packed image', () => {
  async function packed(program: string): Promise<Buffer> {
    const path = join(directory, 'disk.img')
    await writeFile(path, bytes)
    const { stdout } = await run(program, ['-c', path], { encoding: 'buffer', maxBuffer: 16 * mebibyte })
    return stdout
  }

  test.each(['gzip', 'xz', 'zstd'] as const)(
    'in %s is unpacked; its digest is of the packed bytes',
    async (program) => {
      const source = await packed(program)
      const imported = await driver.importImage(image, aSource(source, { checksum: sha256(source) }))
      expect(imported).toMatchObject({ sourceFormat: 'raw', capacityBytes: bytes.length })
      expect((await contentOf(imported.path)).equals(bytes)).toBe(true)
      expect(await files()).toEqual(['image-1.json', 'image-1.qcow2'])
    },
  )

  test('may say so itself, so that raw can be packed too', async () => {
    const source = aSource(await packed('xz'), { format: 'raw', compression: 'xz' })
    expect((await driver.importImage(image, source)).capacityBytes).toBe(bytes.length)
  })

  test('that is not packed as it says is refused', async () => {
    for (const compression of ['gzip', 'xz', 'zstd'] as const)
      await expect(driver.importImage(image, aSource(bytes, { compression }))).rejects.toMatchObject({
        code: 'invalid-image',
        message: expect.stringContaining(`${compression}-compressed`),
      })
    expect(await files()).toEqual([])
  })

  test.each(['gzip', 'xz', 'zstd'] as const)('in %s that was cut short is refused', async (program) => {
    const source = await packed(program)
    const cut = source.subarray(0, source.length - 20)
    await expect(driver.importImage(image, aSource(cut))).rejects.toMatchObject({ code: 'invalid-image' })
    expect(await files()).toEqual([])
  })

  test('in another packed one is refused', async () => {
    await expect(driver.importImage(image, aSource(gzipSync(gzipSync(bytes))))).rejects.toMatchObject({
      code: 'invalid-image',
      message: expect.stringMatching(/gzip-compressed: unpack/),
    })
  })

  test.each(['gzip', 'xz', 'zstd'] as const)('bomb in %s is stopped at the limit', async (compression) => {
    const zeros = join(directory, 'zeros')
    await run('truncate', ['--size=256M', zeros])
    const { stdout } = await run(compression, ['-1', '-c', zeros], {
      encoding: 'buffer',
      maxBuffer: 16 * mebibyte,
    })
    const from = join(directory, 'bomb')
    const to = join(directory, 'unpacked')
    await writeFile(from, stdout)
    const maxBytes = 64 * mebibyte
    const unpacking = unpackImage({ from, to, compression, maxBytes }, new AbortController().signal)
    await expect(unpacking).rejects.toMatchObject({
      code: 'invalid-image',
      message: expect.stringMatching(/unpacks to more/),
    })
  })

  test('of zeros takes no space while it is unpacked', async () => {
    const from = join(directory, 'zeros.gz')
    const to = join(directory, 'unpacked')
    await writeFile(from, gzipSync(Buffer.alloc(32 * mebibyte)))
    await unpackImage({ from, to, compression: 'gzip' }, new AbortController().signal)
    const { stdout } = await run('stat', ['-c', '%s %b', to])
    expect(stdout.trim()).toBe(`${32 * mebibyte} 0`)
  })
})

describe('wiping', () => {
  const disk: VolumeKey = { kind: 'disk', uid: 'disk-1' }
  const secret = 'a secret of the guest'

  test.each(['qcow2', 'raw'] as const)(
    'a %s disk leaves nothing readable, and takes no more space',
    async (format) => {
      const spec = { format, capacityBytes: 64 * mebibyte, preallocate: false, image: undefined } as const
      const { path } = await driver.createDisk(disk, spec)
      const raw = join(directory, 'raw')
      await writeFile(raw, Buffer.concat([Buffer.alloc(mebibyte), Buffer.from(secret.repeat(1000))]))
      await run('qemu-img', ['convert', '-n', '-f', 'raw', '-O', format, raw, path])
      expect((await readFile(path)).includes(secret)).toBe(true)
      const kept = join(directory, 'kept')
      await link(path, kept)
      const before = (await stat(kept)).blocks
      await driver.wipeDisk(disk)
      await driver.removeVolume(disk)
      expect((await readFile(kept)).includes(secret)).toBe(false)
      expect((await stat(kept)).blocks).toBeLessThanOrEqual(before)
      expect(await driver.statVolume(disk)).toBeUndefined()
    },
  )

  test('a disk over a deleted image still takes the image with it', async () => {
    await driver.importImage(image, aSource(rawImage()))
    await driver.createDisk(disk, { format: 'qcow2', capacityBytes: undefined, preallocate: false, image })
    await driver.removeVolume(image)
    await driver.wipeDisk(disk)
    await driver.removeVolume(disk)
    expect(await files()).toEqual([])
  })

  test('what is not there is no error', () => driver.wipeDisk(disk))
})

test('forty disks from one image hold its bytes once', async () => {
  const noise = Buffer.concat(
    Array.from({ length: 16 * 1024 }, (_, index) => {
      const line = createHash('sha512').update(String(index)).digest()
      return Buffer.concat(Array.from({ length: 16 }, () => line))
    }),
  )
  const source = aSource(noise)
  const imported = await driver.importImage(image, source)
  const disks = await Promise.all(
    Array.from({ length: 40 }, (_, index) =>
      driver.createDisk(
        { kind: 'disk', uid: `disk-${index}` },
        { format: 'qcow2', capacityBytes: undefined, preallocate: false, image },
      ),
    ),
  )
  expect(source.opened).toBe(1)
  expect(imported.allocatedBytes).toBeGreaterThanOrEqual(noise.length)
  const onTop = disks.reduce((sum, { allocatedBytes }) => sum + allocatedBytes, 0)
  expect(onTop).toBeLessThan(noise.length)
  expect(await contentOf(disks[39]?.path ?? '').then((content) => content.equals(noise))).toBe(true)
})
