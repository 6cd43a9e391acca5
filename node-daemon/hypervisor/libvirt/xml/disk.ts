import type { DomainDisk } from '../../domain-spec.ts'
import type { XmlElement } from './element.ts'
import { element } from './element.ts'

/** `none` goes past the host's page cache, which file systems without direct I/O refuse. */
export type DiskCache = 'none' | 'writeback'

export interface DiskPlacement {
  /** Device name in libvirt, such as `vda`; the guest may see another. */
  readonly target: string
  readonly cache: DiskCache
}

// What virtio-blk passes on; QEMU cuts longer ones, after which two disks could look the same.
const maxSerialLength = 20

/** A disk in a file of the host. Its name is the serial number, so that guests find it under /dev/disk/by-id. */
export function disk(spec: DomainDisk, { target, cache }: DiskPlacement): XmlElement {
  return element('disk', { type: 'file', device: 'disk' }, [
    element('driver', {
      name: 'qemu',
      type: spec.format,
      cache,
      io: cache === 'none' ? 'native' : 'threads',
      discard: 'unmap',
      iothread: spec.bus === 'virtio' ? diskThread : undefined,
    }),
    spec.path === undefined ? undefined : element('source', { file: spec.path }),
    element('target', { dev: target, bus: spec.bus }),
    spec.name.length <= maxSerialLength ? element('serial', {}, [spec.name]) : undefined,
    spec.bootOrder === undefined ? undefined : element('boot', { order: spec.bootOrder }),
    element('alias', { name: diskAlias(spec.name) }),
  ])
}

/** One thread serves the paravirtual disks, so that they don't compete with the machine's main loop. */
export const diskThread = 1

/** The name by which this disk is found in a running domain. */
export function diskAlias(name: string): string {
  return `ua-disk-${name}`
}

/** Device names in order: virtio disks are `vda`, `vdb` …, all others `sda`, `sdb` …, and after `z` comes `aa`. */
export function diskTargets(disks: readonly DomainDisk[]): readonly string[] {
  const counts = { vd: 0, sd: 0 }
  return disks.map(({ bus }) => {
    const prefix = bus === 'virtio' ? 'vd' : 'sd'
    return `${prefix}${letters(counts[prefix]++)}`
  })
}

function letters(index: number): string {
  const last = String.fromCharCode('a'.charCodeAt(0) + (index % 26))
  return index < 26 ? last : `${letters(Math.floor(index / 26) - 1)}${last}`
}
