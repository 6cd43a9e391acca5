import { chmod, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type DiskExport, StorageDriverError, type Volume } from '../storage-driver.ts'
import { listIfThere, publish, removeFiles, statIfThere } from './files.ts'
import type { QemuImg } from './qemu-img.ts'
import { freeBytes, requireSpace } from './receive-image.ts'

const keptMs = 24 * 3600_000

/**
 * A disk flattened into one qcow2 file. QEMU's own locks refuse a disk that a machine has open for writing, whatever
 * the caller knew.
 */
export async function exportDiskFile(
  disk: Volume,
  { path, partial }: { readonly path: string; readonly partial: string },
  qemuImg: QemuImg,
  signal?: AbortSignal,
): Promise<DiskExport> {
  const changed = (await stat(disk.path)).mtimeMs
  const there = await statIfThere(path)
  if (there !== undefined && there.mtimeMs > changed) return exported(path)
  try {
    await requireSpace(disk.path, await qemuImg.measure(disk.path, disk.format, signal))
    const maxFileBytes = await freeBytes(disk.path)
    const job = { from: disk.path, fromFormat: disk.format, to: partial, maxFileBytes }
    await qemuImg.convert({ ...job, toFormat: 'qcow2', preallocate: false }, signal)
    await chmod(partial, 0o600)
    await publish(partial, path)
  } catch (error) {
    const locked = error instanceof StorageDriverError && /lock/.test(error.message)
    throw locked ? new StorageDriverError('failed', 'a machine has the disk open', { cause: error }) : error
  } finally {
    await removeFiles(partial)
  }
  return exported(path)
}

async function exported(path: string): Promise<DiskExport> {
  const { size, mtimeMs } = await stat(path)
  return { path, bytes: size, version: `${mtimeMs}-${size}` }
}

/** Removes exports whose client has not come back for a day, by the file system's own clock. */
export async function removeOldExports(directory: string): Promise<void> {
  const now = (await stat(directory)).atimeMs
  for (const name of await listIfThere(directory)) {
    if (!/\.export(\.partial)?$/.test(name)) continue
    const path = join(directory, name)
    const file = await statIfThere(path)
    if (file !== undefined && now - file.mtimeMs > keptMs) await removeFiles(path)
  }
}
