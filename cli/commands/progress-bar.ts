import type { Clock } from '../../apimachinery/clock.ts'

const width = 30
const everyMs = 250

export interface ProgressBar {
  at(bytes: number, totalBytes: number): void
  end(): void
}

/** One line that is written over and over, on a terminal; nothing elsewhere. */
export function progressBar(
  clock: Clock,
  stream: { readonly isTTY?: boolean; write(text: string): unknown },
): ProgressBar {
  if (stream.isTTY !== true) return { at() {}, end() {} }
  let writtenAt = Number.NEGATIVE_INFINITY
  let written = false
  return {
    at(bytes, totalBytes) {
      const now = clock.monotonic()
      if (now - writtenAt < everyMs && bytes < totalBytes) return
      writtenAt = now
      written = true
      const share = totalBytes === 0 ? 1 : bytes / totalBytes
      const filled = Math.floor(share * width)
      const bar = '#'.repeat(filled) + '.'.repeat(width - filled)
      stream.write(`\r[${bar}] ${Math.floor(share * 100)}% of ${mebibytes(totalBytes)} MiB`)
    },
    end() {
      if (written) stream.write('\n')
    },
  }
}

const mebibytes = (bytes: number) => (bytes / 1024 ** 2).toFixed(1)
