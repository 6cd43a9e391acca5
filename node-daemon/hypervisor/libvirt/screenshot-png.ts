import { promisify } from 'node:util'
import { crc32, deflate } from 'node:zlib'
import type { Pixels } from './screenshot-ppm.ts'

const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
const compress = promisify<Buffer, Buffer>(deflate)
/** Each byte as its difference from the one above: screens consist of areas of one colour. */
const upFilter = 2

/** Writes pixels as a PNG (ISO/IEC 15948): true colour, eight bits, not interlaced. */
export async function encodePng({ width, height, rgb }: Pixels): Promise<Buffer> {
  const head = Buffer.alloc(13)
  head.writeUInt32BE(width, 0)
  head.writeUInt32BE(height, 4)
  // Eight bits a sample, true colour; compression, filter and interlace methods are 0.
  head.set([8, 2], 8)
  const data = await compress(filtered(rgb, width * 3, height))
  return Buffer.concat([signature, chunk('IHDR', head), chunk('IDAT', data), chunk('IEND', Buffer.alloc(0))])
}

function filtered(rgb: Buffer, rowBytes: number, height: number): Buffer {
  const out = Buffer.alloc((rowBytes + 1) * height)
  for (let row = 0; row < height; row++) {
    const to = row * (rowBytes + 1)
    const from = row * rowBytes
    out[to] = upFilter
    for (let at = 0; at < rowBytes; at++) {
      const above = row === 0 ? 0 : (rgb[from + at - rowBytes] ?? 0)
      out[to + 1 + at] = (rgb[from + at] ?? 0) - above
    }
  }
  return out
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data])
  const out = Buffer.alloc(body.length + 8)
  out.writeUInt32BE(data.length, 0)
  body.copy(out, 4)
  out.writeUInt32BE(crc32(body), body.length + 4)
  return out
}
