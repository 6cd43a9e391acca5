import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  LibvirtHost,
  StreamHole,
  virErrorNumber,
  virStorageVolDownloadFlags,
  virStorageVolUploadFlags,
} from '../../src/index.ts'
import type { StoragePool } from '../../src/index.ts'
import { PrivateLibvirtd } from '../fixtures/private-libvirtd.ts'
import { createPool, createVolume, sha256OfFile } from '../fixtures/storage.ts'

let libvirtd: PrivateLibvirtd
let host: LibvirtHost
let pool: StoragePool
const megabyte = 1024 * 1024
const path = (name: string) => join(libvirtd.directory, 'pool', name)

beforeAll(async () => {
  libvirtd = await PrivateLibvirtd.start()
  host = await LibvirtHost.connect(libvirtd.uri)
  pool = await createPool(host, join(libvirtd.directory, 'pool'), 'nlv-pool')
})

afterAll(async () => {
  await host.close()
  await libvirtd[Symbol.asyncDispose]()
})

describe('a volume', () => {
  test('goes up and comes down with the same checksum', async () => {
    const bytes = 64 * megabyte
    const vol = await createVolume(host, pool, { name: 'whole', bytes })
    const piece = randomBytes(megabyte)
    const sent = createHash('sha256')
    async function* pieces() {
      for (let index = 0; index < bytes / megabyte; index++) {
        piece.writeUInt32BE(index, 0)
        sent.update(piece)
        yield Buffer.from(piece)
      }
    }
    const up = await host.stream('storageVolUpload', { vol, offset: 0n, length: BigInt(bytes) })
    await pipeline(Readable.from(pieces()), up.stream)
    const checksum = sent.digest('hex')
    expect(await sha256OfFile(path('whole'))).toBe(checksum)

    const received = createHash('sha256')
    const down = await host.stream('storageVolDownload', { vol, offset: 0n, length: 0n })
    await pipeline(down.stream, received)
    expect(received.digest('hex')).toBe(checksum)
  })

  test('is read and written at an offset', async () => {
    const vol = await createVolume(host, pool, { name: 'part', bytes: 4096 })
    const up = await host.stream('storageVolUpload', { vol, offset: 1000n, length: 0n })
    up.stream.end('in the middle')
    await once(up.stream, 'finish')
    expect(readFileSync(path('part')).subarray(1000, 1013).toString()).toBe('in the middle')
    const down = await host.stream('storageVolDownload', { vol, offset: 1003n, length: 3n })
    expect(Buffer.concat(await down.stream.toArray()).toString()).toBe('the')
  })

  test('breaks off when the reader has enough, and the host goes on', async () => {
    const vol = await createVolume(host, pool, { name: 'enough', bytes: 32 * megabyte })
    const down = await host.stream('storageVolDownload', { vol, offset: 0n, length: 0n })
    for await (const piece of down.stream) {
      expect(Buffer.isBuffer(piece)).toBe(true)
      break
    }
    expect(down.stream.destroyed).toBe(true)
    await host.query('storageVolDelete', { vol })
  })

  test('an upload that is given up ends with the signal, and the host goes on', async () => {
    const vol = await createVolume(host, pool, { name: 'given-up', bytes: 32 * megabyte })
    const controller = new AbortController()
    const up = await host.stream(
      'storageVolUpload',
      { vol, offset: 0n, length: 0n },
      { signal: controller.signal },
    )
    up.stream.write(Buffer.alloc(megabyte))
    controller.abort(new Error('never mind'))
    await expect(once(up.stream, 'finish')).rejects.toThrow('never mind')
    await host.query('storageVolDelete', { vol })
  })

  test('that is too small fails the upload with its error', async () => {
    const vol = await createVolume(host, pool, { name: 'small', bytes: 1000 })
    const up = await host.stream('storageVolUpload', { vol, offset: 0n, length: 1000n })
    const failed = once(up.stream, 'error')
    up.stream.end(Buffer.alloc(5 * megabyte))
    const [error] = (await failed) as unknown[]
    expect(error).toMatchObject({ name: 'LibvirtError', procedure: 'storageVolUpload' })
  })

  test('that does not exist fails before there is a stream', async () => {
    const vol = { pool: pool.name, name: 'nothing', key: '/nothing' }
    await expect(host.stream('storageVolDownload', { vol, offset: 0n, length: 0n })).rejects.toMatchObject({
      code: virErrorNumber.VIR_ERR_NO_STORAGE_VOL,
    })
  })
})

describe('a sparse volume', () => {
  const flags = virStorageVolDownloadFlags.VIR_STORAGE_VOL_DOWNLOAD_SPARSE_STREAM
  const gigabyte = 1024 * megabyte

  test('comes down as data and holes', async () => {
    const vol = await createVolume(host, pool, { name: 'holey', bytes: gigabyte })
    writeFileSync(path('holey'), Buffer.alloc(megabyte, 'x'), { flag: 'r+' })
    const { stream } = await host.stream(
      'storageVolDownload',
      { vol, offset: 0n, length: 0n, flags },
      { sparse: true },
    )
    let [data, holes] = [0, 0n]
    for await (const piece of stream as AsyncIterable<Buffer | StreamHole>)
      if (piece instanceof StreamHole) holes += piece.length
      else data += piece.length
    expect({ data, holes }).toEqual({ data: megabyte, holes: BigInt(gigabyte - megabyte) })
  })

  test('goes up as data and holes, and takes no room', async () => {
    const vol = await createVolume(host, pool, { name: 'sparse-up', bytes: gigabyte })
    const options = {
      vol,
      offset: 0n,
      length: 0n,
      flags: virStorageVolUploadFlags.VIR_STORAGE_VOL_UPLOAD_SPARSE_STREAM,
    }
    const { stream } = await host.stream('storageVolUpload', options, { sparse: true })
    stream.write(Buffer.from('begin'))
    stream.write(new StreamHole(BigInt(gigabyte - 8)))
    stream.end(Buffer.from('end'))
    await once(stream, 'finish')
    const { size, blocks } = statSync(path('sparse-up'))
    expect(size).toBe(gigabyte)
    expect(blocks * 512).toBeLessThan(megabyte)
    const down = await host.stream('storageVolDownload', { vol, offset: BigInt(gigabyte - 4), length: 4n })
    expect(Buffer.concat(await down.stream.toArray())).toEqual(Buffer.from('\0end'))
  })

  test('reads as zeros for who does not ask for holes', async () => {
    const bytes = 8 * megabyte
    const vol = await createVolume(host, pool, { name: 'zeros', bytes })
    writeFileSync(path('zeros'), Buffer.from('tail'), { flag: 'r+' })
    const { stream } = await host.stream('storageVolDownload', { vol, offset: 0n, length: 0n, flags })
    const received = createHash('sha256')
    await pipeline(stream, received)
    expect(received.digest('hex')).toBe(await sha256OfFile(path('zeros')))
  })
})

test('a reader slower than any keepalive gets everything', async () => {
  await using patient = await LibvirtHost.connect(libvirtd.uri, { keepAlive: { interval: 50, count: 2 } })
  const bytes = 8 * megabyte
  const vol = await createVolume(host, pool, { name: 'slow', bytes })
  const { stream } = await patient.stream('storageVolDownload', { vol, offset: 0n, length: 0n })
  await once(stream, 'readable')
  await new Promise((resolve) => setTimeout(resolve, 1500))
  let length = 0
  for await (const piece of stream as AsyncIterable<Buffer>) length += piece.length
  expect(length).toBe(bytes)
})
