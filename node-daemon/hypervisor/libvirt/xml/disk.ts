import type { DomainDisk } from '../../domain-spec.ts'
import type { XmlElement } from './element.ts'
import { element } from './element.ts'

/** `none` goes past the host's page cache, which file systems without direct I/O refuse. */
export type DiskCache = 'none' | 'writeback' | 'writethrough' | 'directsync' | 'unsafe'

export interface DiskPlacement {
  /** Device name in libvirt, such as `vda`; the guest may see another. */
  readonly target: string
  readonly cache: DiskCache
  /** The thread that serves a virtio disk, from 1. */
  readonly thread?: number
}

// What virtio-blk passes on; QEMU cuts longer ones, after which two disks could look the same.
const maxSerialLength = 20

const errorPolicies = { Stop: 'stop', Report: 'report', Ignore: 'ignore' } as const

/** A disk in a file of the host. Its name is the serial number, so that guests find it under /dev/disk/by-id. */
export function disk(spec: DomainDisk, placement: DiskPlacement): XmlElement {
  const serial = spec.serial ?? (spec.name.length <= maxSerialLength ? spec.name : undefined)
  return element('disk', { type: 'file', device: spec.type === 'CdRom' ? 'cdrom' : 'disk' }, [
    driver(spec, placement),
    spec.path === undefined ? undefined : element('source', { file: spec.path }),
    element('target', { dev: placement.target, bus: spec.bus }),
    throttle(spec),
    spec.readOnly || spec.type === 'CdRom' ? element('readonly') : undefined,
    serial === undefined ? undefined : element('serial', {}, [serial]),
    spec.bootOrder === undefined ? undefined : element('boot', { order: spec.bootOrder }),
    element('alias', { name: diskAlias(spec.name) }),
  ])
}

function driver(spec: DomainDisk, { cache, thread = 1 }: DiskPlacement): XmlElement {
  const direct = cache === 'none' || cache === 'directsync'
  return element('driver', {
    name: 'qemu',
    type: spec.format,
    cache,
    error_policy: spec.onError === 'Stop' ? undefined : errorPolicies[spec.onError],
    io: direct ? 'native' : 'threads',
    discard: spec.discard,
    iothread: spec.bus === 'virtio' ? thread : undefined,
  })
}

/** What the machine may ask of the disk; QEMU takes either totals or separate figures of one unit. */
function throttle({ limits }: DomainDisk): XmlElement | undefined {
  const figures = throttleFigures(limits)
  if (figures.length === 0) return undefined
  return element(
    'iotune',
    {},
    figures.map(([name, value]) => element(name, {}, [String(value)])),
  )
}

/** libvirt's names of the limits that are set. */
export function throttleFigures(limits: DomainDisk['limits']): readonly (readonly [string, number])[] {
  const { totalIops, readIops, writeIops, totalBytesPerSecond, readBytesPerSecond, writeBytesPerSecond } =
    limits ?? {}
  const named = [
    ['total_bytes_sec', totalBytesPerSecond],
    ['read_bytes_sec', readBytesPerSecond],
    ['write_bytes_sec', writeBytesPerSecond],
    ['total_iops_sec', totalIops],
    ['read_iops_sec', readIops],
    ['write_iops_sec', writeIops],
  ] as const
  return named.flatMap(([name, value]) =>
    value === undefined || value === 0 ? [] : [[name, value] as const],
  )
}

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
