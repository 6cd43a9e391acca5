import type { DomainInterface } from '../../domain-spec.ts'
import type { XmlElement } from './element.ts'
import { element } from './element.ts'

/** A network card plugged into a bridge of the host; the host's side gets a name from libvirt. */
export function networkInterface(spec: DomainInterface): XmlElement {
  return element('interface', { type: 'bridge' }, [
    element('mac', { address: spec.macAddress }),
    element('source', { bridge: spec.bridge }),
    element('model', { type: spec.model }),
    spec.mtu === undefined ? undefined : element('mtu', { size: spec.mtu }),
    element('alias', { name: interfaceAlias(spec.name) }),
  ])
}

/** The name by which this card is found in a running domain. */
export function interfaceAlias(name: string): string {
  return `ua-nic-${name}`
}
