import type { Devices } from '../../../../crds/v1alpha1/hardware/devices.ts'
import type { DomainMemory } from '../../domain-spec.ts'
import type { XmlElement } from './element.ts'
import { element } from './element.ts'

// How often the guest tells of its memory; it costs one virtio request.
const statisticsPeriodSeconds = 10

const hugePageKiB = { '2Mi': 2048, '1Gi': 1_048_576 } as const

/**
 * Guest memory; libvirt counts in KiB. A machine that can grow is started with all of it, and the balloon holds what
 * it does not have yet: every guest with the balloon's driver can follow, whatever its system.
 */
export function memory({ bytes, maxBytes = bytes, hugePages }: DomainMemory): readonly XmlElement[] {
  const size = (name: string, count: number) =>
    element(name, { unit: 'KiB' }, [String(Math.ceil(count / 1024))])
  return [
    size('memory', maxBytes),
    ...(maxBytes > bytes ? [size('currentMemory', bytes)] : []),
    ...(hugePages === undefined
      ? []
      : [
          element('memoryBacking', {}, [
            element('hugepages', {}, [element('page', { size: hugePageKiB[hugePages], unit: 'KiB' })]),
          ]),
        ]),
  ]
}

/** The balloon: reports the guest's own view of its memory, and changes what it has. */
export function memoryBalloon(balloon: Devices['balloon']): XmlElement {
  if (balloon === 'None') return element('memballoon', { model: 'none' })
  return element('memballoon', { model: 'virtio' }, [element('stats', { period: statisticsPeriodSeconds })])
}
