import type { XmlElement } from './element.ts'
import { element } from './element.ts'

// How often the guest tells of its memory; it costs one virtio request.
const statisticsPeriodSeconds = 10

/** Guest memory; libvirt counts in KiB. */
export function memory(bytes: number): XmlElement {
  return element('memory', { unit: 'KiB' }, [String(Math.ceil(bytes / 1024))])
}

/** The balloon: reports the guest's own view of its memory, and returns memory to the host under pressure. */
export function memoryBalloon(): XmlElement {
  return element('memballoon', { model: 'virtio' }, [element('stats', { period: statisticsPeriodSeconds })])
}
