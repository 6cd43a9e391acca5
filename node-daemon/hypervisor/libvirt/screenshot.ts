import type { Readable } from 'node:stream'
import type { LibvirtHost } from 'node-libvirt'
import { HypervisorError } from '../hypervisor.ts'
import { domainHandle } from './observe-domain.ts'
import { encodePng } from './screenshot-png.ts'
import { parsePixmap } from './screenshot-ppm.ts'

// 8K at three bytes a pixel is 100 MiB; the largest screen that QEMU's cards show by default is far below.
const maxBytes = 64 * 1024 ** 2
const png = Buffer.from([0x89, 0x50, 0x4e, 0x47])

/** What the domain's first screen shows, as PNG. QEMU hands it out as PNG or, when it is older, as a portable pixmap. */
export async function takeScreenshot(
  libvirt: LibvirtHost,
  uuid: string,
  signal?: AbortSignal,
): Promise<Buffer> {
  const request = { dom: domainHandle(uuid), screen: 0 }
  const { stream } = await libvirt.stream('domainScreenshot', request, { signal })
  const image = await readBounded(stream)
  if (image.subarray(0, png.length).equals(png)) return image
  return await encodePng(parsePixmap(image))
}

async function readBounded(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of stream) {
    bytes += (chunk as Buffer).length
    if (bytes > maxBytes) throw new HypervisorError('failed', `the screen is larger than ${maxBytes} bytes`)
    chunks.push(chunk as Buffer)
  }
  return Buffer.concat(chunks)
}
