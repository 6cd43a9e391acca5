import { crc32, inflateSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { encodePng } from '../../../../../node-daemon/hypervisor/libvirt/screenshot-png.ts'
import { parsePixmap, type Pixels } from '../../../../../node-daemon/hypervisor/libvirt/screenshot-ppm.ts'

const pixmap = (header: string, ...bytes: number[]) =>
  Buffer.concat([Buffer.from(header, 'latin1'), Buffer.from(bytes)])

describe('a portable pixmap', () => {
  test.each([
    ['as QEMU writes it', 'P6\n2 1\n255\n'],
    ['with comments', 'P6\n# by hand\n2 #wide\n1\n255\n'],
  ])('%s is read', (_how, header) => {
    expect(parsePixmap(pixmap(header, 1, 2, 3, 10, 13, 32))).toEqual({
      width: 2,
      height: 1,
      rgb: Buffer.from([1, 2, 3, 10, 13, 32]),
    })
  })

  test.each([
    ['that ends early', pixmap('P6\n2 1\n255\n', 1, 2, 3), /ends early/],
    ['of nothing', pixmap('P6\n0 1\n255\n'), /size is 0 × 1/],
    ['of an absurd size', pixmap('P6\n99999 99999\n255\n'), /size is 99999/],
    ['with more than eight bits', pixmap('P6\n1 1\n65535\n', 1, 2, 3, 4, 5, 6), /largest value is 65535/],
    ['of another kind', pixmap('P5\n1 1\n255\n', 1), /neither PNG nor/],
    ['that is no image', Buffer.alloc(0), /neither PNG nor/],
  ])('%s is refused', (_what, bytes, message) => {
    expect(() => parsePixmap(bytes)).toThrow(message)
  })
})

/** Type and data of every chunk; checks lengths and checksums on the way. */
function chunksOf(png: Buffer): [string, Buffer][] {
  const chunks: [string, Buffer][] = []
  for (let at = 8; at < png.length;) {
    const end = at + 8 + png.readUInt32BE(at)
    expect(png.readUInt32BE(end)).toBe(crc32(png.subarray(at + 4, end)))
    chunks.push([png.toString('latin1', at + 4, at + 8), png.subarray(at + 8, end)])
    at = end + 4
  }
  return chunks
}

/** The pixels of a PNG that uses no filter but `up`. */
function decode(png: Buffer): Pixels {
  const [[first, head], [second, data]] = chunksOf(png) as [[string, Buffer], [string, Buffer]]
  expect([first, second]).toEqual(['IHDR', 'IDAT'])
  const [width, height] = [head.readUInt32BE(0), head.readUInt32BE(4)]
  expect([...head.subarray(8)]).toEqual([8, 2, 0, 0, 0])
  const rows = inflateSync(data)
  const rgb = Buffer.alloc(width * height * 3)
  for (let row = 0; row < height; row++) {
    const start = row * (width * 3 + 1)
    expect(rows[start]).toBe(2)
    for (let x = 0; x < width * 3; x++) {
      const to = row * width * 3 + x
      rgb[to] = (rows[start + 1 + x] ?? 0) + (row === 0 ? 0 : (rgb[to - width * 3] ?? 0))
    }
  }
  return { width, height, rgb }
}

describe('a PNG', () => {
  test('holds every pixel', async () => {
    const pixels = fc
      .tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 }))
      .chain(([width, height]) =>
        fc
          .uint8Array({ minLength: width * height * 3, maxLength: width * height * 3 })
          .map((bytes) => ({ width, height, rgb: Buffer.from(bytes) })),
      )
    await fc.assert(
      fc.asyncProperty(pixels, async (image) => {
        expect(decode(await encodePng(image))).toEqual(image)
      }),
      { numRuns: 50 },
    )
  })

  test('begins and ends as every reader wants it', async () => {
    const png = await encodePng({ width: 1, height: 1, rgb: Buffer.from([255, 0, 0]) })

    expect(png.subarray(0, 8).toString('latin1')).toBe('\u0089PNG\r\n\u001a\n')
    expect(chunksOf(png).map(([type]) => type)).toEqual(['IHDR', 'IDAT', 'IEND'])
  })

  test('of an empty screen is small', async () => {
    const [width, height] = [1280, 800]
    const png = await encodePng({ width, height, rgb: Buffer.alloc(width * height * 3, 0x20) })

    expect(png.length).toBeLessThan(16 * 1024)
  })
})
