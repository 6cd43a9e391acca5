import type { XmlElement } from './element.ts'
import { element } from './element.ts'

/** Entropy from the host, without which young guests wait for it. */
export function randomNumbers(): XmlElement {
  return element('rng', { model: 'virtio' }, [element('backend', { model: 'random' }, ['/dev/urandom'])])
}
