import { constants } from 'node:fs'
import { open, realpath } from 'node:fs/promises'
import { join, sep } from 'node:path'
import type { OpenSource } from './image-source.ts'
import { unreachable } from './unreachable.ts'

const chunkBytes = 1024 ** 2

/**
 * A file below the import directory, wherever its symbolic links lead as long as it is below. Whoever may fill the
 * directory is trusted; whoever writes the Image is not.
 */
export function fileSource(importDir: string, path: string): OpenSource {
  return async (signal) => {
    const file = await openBelow(importDir, path)
    const { size } = await file.stat()
    async function* body() {
      try {
        const stream = file.createReadStream({ highWaterMark: chunkBytes, signal, autoClose: false })
        for await (const chunk of stream) yield chunk as Buffer
      } finally {
        await file.close()
      }
    }
    return { body: body(), totalBytes: size }
  }
}

async function openBelow(importDir: string, path: string) {
  let real: string
  try {
    const base = await realpath(importDir)
    const outside = unreachable(`${path} is not in the import directory`)
    // Before looking, so that not even the existence of a file elsewhere is told.
    if (!join(base, path).startsWith(base + sep)) throw outside
    real = await realpath(join(base, path))
    if (!real.startsWith(base + sep)) throw outside
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT')
      throw unreachable(`the import directory has no file ${path}`, error)
    throw error instanceof Error && 'syscall' in error
      ? unreachable(`${path} in the import directory cannot be read`, error)
      : error
  }
  // Not blocking, so that a pipe in the directory hangs nobody.
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
  const file = await open(real, flags).catch((error: unknown) => {
    throw unreachable(`${path} in the import directory cannot be read`, error)
  })
  if ((await file.stat()).isFile()) return file
  await file.close()
  throw unreachable(`${path} in the import directory is not a file`)
}
