import { open } from 'node:fs/promises'
import { isMissing } from './files.ts'

const blockBytes = 1024 ** 2
const pageBytes = 4096
const zeros = Buffer.alloc(blockBytes)
// The first cluster of a qcow2 file holds its header and the name of its image, and nothing of the guest's.
const headerBytes = 64 * 1024

/**
 * Overwrites what a file holds with zeros, and only that: holes stay holes, so that wiping a thin disk does not fill
 * the domain. The header of a qcow2 file is left, since removing a disk reads there which image it lies over. Nothing
 * there is no error.
 */
export async function wipeFile(path: string, signal?: AbortSignal): Promise<void> {
  const file = await open(path, 'r+').catch((error: unknown) => {
    if (isMissing(error)) return undefined
    throw error
  })
  if (file === undefined) return
  try {
    const buffer = Buffer.alloc(blockBytes)
    for (let at = firstByte(path); ; at += blockBytes) {
      signal?.throwIfAborted()
      const { bytesRead } = await file.read(buffer, 0, blockBytes, at)
      if (bytesRead === 0) break
      for (const [start, end] of filledRuns(buffer.subarray(0, bytesRead)))
        await file.write(zeros, 0, end - start, at + start)
    }
    await file.sync()
  } finally {
    await file.close()
  }
}

/** Where there is something, in whole pages: a file system keeps holes in no smaller pieces. */
function filledRuns(block: Buffer): readonly (readonly [start: number, end: number])[] {
  const runs: [number, number][] = []
  for (let at = 0; at < block.length; at += pageBytes) {
    const page = block.subarray(at, at + pageBytes)
    if (page.equals(zeros.subarray(0, page.length))) continue
    const last = runs.at(-1)
    if (last?.[1] === at) last[1] = at + page.length
    else runs.push([at, at + page.length])
  }
  return runs
}

function firstByte(path: string): number {
  return /\.qcow2(\.partial)?$/.test(path) ? headerBytes : 0
}
