import type { Bandwidth } from '../../../../crds/v1alpha1/hardware/network-card.ts'
import type { DomainInterface } from '../../domain-spec.ts'
import type { XmlElement } from './element.ts'
import { element } from './element.ts'

/** A network card plugged into a bridge of the host; the host's side gets a name from libvirt. */
export function networkInterface(spec: DomainInterface): XmlElement {
  const { macAddress, bridge, model, mtu, queues, linkState, bootOrder } = spec
  const limits = bandwidth(spec)
  return element('interface', { type: 'bridge' }, [
    element('mac', { address: macAddress }),
    element('source', { bridge }),
    element('model', { type: model }),
    // In the kernel where the host has vhost, in QEMU elsewhere: not named, libvirt takes what there is.
    model === 'virtio' && queues !== undefined ? element('driver', { queues }) : undefined,
    mtu === undefined ? undefined : element('mtu', { size: mtu }),
    limits.length === 0 ? undefined : element('bandwidth', {}, limits),
    linkState === 'Down' ? element('link', { state: 'down' }) : undefined,
    bootOrder === undefined ? undefined : element('boot', { order: bootOrder }),
    element('alias', { name: interfaceAlias(spec.name) }),
  ])
}

function bandwidth({ inbound, outbound }: DomainInterface): readonly XmlElement[] {
  return [...limit('inbound', inbound), ...limit('outbound', outbound)]
}

/** libvirt wants an average with every limit; without one the peak is it. */
function limit(direction: 'inbound' | 'outbound', rate: Bandwidth | undefined): readonly XmlElement[] {
  const average = rate?.averageKiB ?? rate?.peakKiB
  if (rate === undefined || average === undefined) return []
  return [element(direction, { average, peak: rate.peakKiB, burst: rate.burstKiB })]
}

/** The name by which this card is found in a running domain. */
export function interfaceAlias(name: string): string {
  return `ua-nic-${name}`
}
