import { join } from 'node:path'
import { StorageDriverError, type VolumeKey } from '../storage-driver.ts'

/**
 * Where things are in a local domain. What is under construction ends in `.partial`; nothing else does.
 *
 *     images/<uid>.qcow2   an image, converted; disks are overlays on it
 *     images/<uid>.json    what its import found out (digest, source format)
 *     images/<uid>.removed the image is deleted, but disks still need its bytes
 *     disks/<uid>.qcow2    or .raw
 *     disks/<uid>.export   a copy that a client is downloading
 */
export interface VolumeLayout {
  readonly imagesDirectory: string
  readonly disksDirectory: string
  image(uid: string): ImagePaths
  disk(uid: string, format: 'qcow2' | 'raw'): { readonly path: string; readonly partial: string }
  /** A disk's copy for a client to take away. */
  diskExport(uid: string): { readonly path: string; readonly partial: string }
}

export interface ImagePaths {
  readonly path: string
  readonly partial: string
  /** The source's bytes as they arrive. */
  readonly source: string
  /** How much of them is safe, and of which version of the source. */
  readonly sourceState: string
  readonly unpacked: string
  readonly facts: string
  readonly removed: string
}

export function volumeLayout(directory: string): VolumeLayout {
  const imagesDirectory = join(directory, 'images')
  const disksDirectory = join(directory, 'disks')
  return {
    imagesDirectory,
    disksDirectory,
    image(uid) {
      const base = join(imagesDirectory, safeUid(uid))
      return {
        path: `${base}.qcow2`,
        partial: `${base}.qcow2.partial`,
        source: `${base}.source.partial`,
        sourceState: `${base}.state.partial`,
        unpacked: `${base}.unpacked.partial`,
        facts: `${base}.json`,
        removed: `${base}.removed`,
      }
    },
    disk(uid, format) {
      const path = join(disksDirectory, `${safeUid(uid)}.${format}`)
      return { path, partial: `${path}.partial` }
    },
    diskExport(uid) {
      const path = join(disksDirectory, `${safeUid(uid)}.export`)
      return { path, partial: `${path}.partial` }
    },
  }
}

/** A uid comes from the API server and becomes a file name: nothing but what uids are made of may pass. */
function safeUid(uid: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9-]{0,63}$/.test(uid)) return uid
  throw new StorageDriverError('failed', 'the uid of a volume has characters that no uid has')
}

export function describeKey({ kind, uid }: VolumeKey): string {
  return `${kind} ${uid}`
}
