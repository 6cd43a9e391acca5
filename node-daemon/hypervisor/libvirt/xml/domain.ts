import type { DomainSpec } from '../../domain-spec.ts'
import { agentChannel, console, serialPort } from './console.ts'
import { controllers } from './controllers.ts'
import type { Accelerator } from './cpu.ts'
import { cpu, vcpu } from './cpu.ts'
import type { DiskCache } from './disk.ts'
import { disk, diskTargets, diskThread } from './disk.ts'
import type { XmlElement } from './element.ts'
import { element } from './element.ts'
import { clock, features, lifecycle, powerManagement } from './features.ts'
import { networkInterface } from './interface.ts'
import { memory, memoryBalloon } from './memory.ts'
import { ownerMetadata } from './metadata.ts'
import { operatingSystem } from './os.ts'
import { panicNotifier } from './panic.ts'
import { randomNumbers } from './rng.ts'

/** What the host decides about a domain, beside its spec. */
export interface DomainPlacement {
  readonly accelerator: Accelerator
  /** How the disk at `path` is to be cached here. */
  readonly diskCache: (path: string) => DiskCache
}

/**
 * The whole domain. The order of disks and interfaces is the spec's: addresses follow from it, so that a machine keeps
 * them from run to run. There is no display.
 */
export function domain(spec: DomainSpec, { accelerator, diskCache }: DomainPlacement): XmlElement {
  const targets = diskTargets(spec.disks)
  return element('domain', { type: accelerator === 'KVM' ? 'kvm' : 'qemu' }, [
    element('name', {}, [spec.name]),
    element('uuid', {}, [spec.uuid]),
    ownerMetadata(spec.owner),
    memory(spec.memory.bytes),
    vcpu(spec.cpu),
    element('iothreads', {}, [String(diskThread)]),
    operatingSystem(spec.firmware),
    features(),
    cpu(spec.cpu, accelerator),
    clock(),
    ...lifecycle(),
    powerManagement(),
    element('devices', {}, [
      ...spec.disks.map((item, index) =>
        disk(item, {
          target: targets[index] ?? '',
          cache: item.path === undefined ? 'none' : diskCache(item.path),
        }),
      ),
      ...controllers(spec.disks),
      ...spec.interfaces.map(networkInterface),
      serialPort(),
      console(),
      agentChannel(),
      memoryBalloon(),
      randomNumbers(),
      panicNotifier(),
    ]),
  ])
}
