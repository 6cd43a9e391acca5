import { HypervisorError } from '../hypervisor.ts'

/** Pixels of eight bits each for red, green and blue, row by row from the top left. */
export interface Pixels {
  readonly width: number
  readonly height: number
  readonly rgb: Buffer
}

const maxSide = 16_384
// Magic, width, height and largest value, apart by white space or comments; one white space ends it.
const header = /^P6(?:\s|#[^\n]*\n)+(\d{1,5})(?:\s|#[^\n]*\n)+(\d{1,5})(?:\s|#[^\n]*\n)+(\d{1,5})\s/
const maxHeaderBytes = 512

/** Reads a binary portable pixmap (`P6`, eight bits a colour). Throws a `failed` HypervisorError on anything else. */
export function parsePixmap(bytes: Buffer): Pixels {
  const match = header.exec(bytes.toString('latin1', 0, maxHeaderBytes))
  if (match === null) throw unreadable('it is neither PNG nor a portable pixmap')
  const [width, height, largest] = match.slice(1).map(Number)
  if (width === undefined || height === undefined || !isSide(width) || !isSide(height))
    throw unreadable(`its size is ${String(width)} × ${String(height)}`)
  if (largest !== 255) throw unreadable(`its largest value is ${String(largest)}, not 255`)
  const rgb = bytes.subarray(match[0].length, match[0].length + width * height * 3)
  if (rgb.length < width * height * 3) throw unreadable('it ends early')
  return { width, height, rgb }
}

const isSide = (pixels: number) => pixels >= 1 && pixels <= maxSide

function unreadable(why: string): HypervisorError {
  return new HypervisorError('failed', `the image of the screen cannot be read: ${why}`)
}
