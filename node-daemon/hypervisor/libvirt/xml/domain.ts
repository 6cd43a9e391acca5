import type { DomainDisk, DomainSpec } from '../../domain-spec.ts'
import { agentChannel, console, serialPort } from './console.ts'
import { controllers } from './controllers.ts'
import type { Accelerator } from './cpu.ts'
import { cpu, cpuTuning, numaTuning, vcpu } from './cpu.ts'
import type { DiskCache } from './disk.ts'
import { disk, diskTargets } from './disk.ts'
import { display } from './display.ts'
import type { XmlElement } from './element.ts'
import { element } from './element.ts'
import { extraDevices } from './extra-devices.ts'
import { clock, features, lifecycle, powerManagement } from './features.ts'
import { fragment } from './fragments.ts'
import { networkInterface } from './interface.ts'
import { memory, memoryBalloon } from './memory.ts'
import { ownerMetadata } from './metadata.ts'
import { operatingSystem, systemInformation } from './os.ts'
import { panicNotifier } from './panic.ts'
import { randomNumbers } from './rng.ts'

/** What the host decides about a domain, beside its spec. */
export interface DomainPlacement {
  readonly accelerator: Accelerator
  /** How the disk at `path` is cached here when its spec leaves that open. */
  readonly diskCache: (path: string) => DiskCache
}

/**
 * The whole domain. The order of disks and interfaces is the spec's: addresses follow from it, so that a machine keeps
 * them from run to run.
 */
export function domain(spec: DomainSpec, { accelerator, diskCache }: DomainPlacement): XmlElement {
  const { firmware } = spec
  return element('domain', { type: accelerator === 'KVM' ? 'kvm' : 'qemu' }, [
    element('name', {}, [spec.name]),
    element('uuid', {}, [spec.uuid]),
    ownerMetadata(spec.owner),
    ...memory(spec.memory),
    vcpu(spec.cpu),
    element('iothreads', {}, [String(spec.cpu.ioThreads)]),
    cpuTuning(spec.cpu),
    numaTuning(spec.cpu),
    systemInformation(firmware),
    operatingSystem(firmware, spec.nvramPath),
    features(firmware),
    cpu(spec.cpu, accelerator),
    clock(),
    ...lifecycle(),
    powerManagement(),
    element('devices', {}, [
      ...disks(spec, diskCache),
      ...controllers(spec),
      ...spec.interfaces.map(networkInterface),
      serialPort(),
      console(),
      agentChannel(),
      ...display(spec.devices),
      ...extraDevices(spec.devices, spec.tpm && { ...spec.tpm, kept: spec.nvramPath !== undefined }),
      memoryBalloon(spec.devices.balloon),
      spec.devices.rng === 'None' ? undefined : randomNumbers(),
      panicNotifier(),
      ...(spec.libvirtFragments ?? []).map(fragment),
    ]),
  ])
}

/** Virtio disks take the machine's I/O threads in turn. */
function disks({ disks: specs, cpu: { ioThreads } }: DomainSpec, diskCache: DomainPlacement['diskCache']) {
  const targets = diskTargets(specs)
  const threads = new Map(
    specs.filter(({ bus }) => bus === 'virtio').map(({ name }, index) => [name, (index % ioThreads) + 1]),
  )
  return specs.map((item, index) =>
    disk(item, {
      target: targets[index] ?? '',
      cache: cacheOf(item, diskCache),
      thread: threads.get(item.name) ?? 1,
    }),
  )
}

export function cacheOf({ cache, path }: DomainDisk, diskCache: DomainPlacement['diskCache']): DiskCache {
  if (cache !== 'auto') return cache
  return path === undefined ? 'writeback' : diskCache(path)
}
