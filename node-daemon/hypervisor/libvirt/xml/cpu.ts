import type { DomainSpec } from '../../domain-spec.ts'
import type { XmlElement } from './element.ts'
import { element } from './element.ts'

/** What executes the guest's instructions. */
export type Accelerator = 'KVM' | 'TCG'

export function vcpu({ sockets, cores, threads }: DomainSpec['cpu']): XmlElement {
  return element('vcpu', { placement: 'static' }, [String(sockets * cores * threads)])
}

/**
 * KVM: the host's model by name, which libvirt expands at start and can migrate. TCG: all that the emulation can do,
 * for the default model is too old for current distributions; five-level paging is left out, as it only costs.
 */
export function cpu(spec: DomainSpec['cpu'], accelerator: Accelerator): XmlElement {
  const { sockets, cores, threads } = spec
  const topology = element('topology', { sockets, dies: 1, cores, threads })
  if (accelerator === 'KVM') return element('cpu', { mode: 'host-model', check: 'partial' }, [topology])
  return element('cpu', { mode: 'maximum', check: 'none', migratable: 'on' }, [
    topology,
    element('feature', { policy: 'disable', name: 'la57' }),
  ])
}
