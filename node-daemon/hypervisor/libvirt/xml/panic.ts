import type { XmlElement } from './element.ts'
import { element } from './element.ts'

/** Through this the guest's kernel says that it crashed, instead of standing still. */
export function panicNotifier(): XmlElement {
  return element('panic', { model: 'isa' })
}
