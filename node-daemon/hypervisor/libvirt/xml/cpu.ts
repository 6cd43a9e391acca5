import type { Cpu } from '../../../../crds/v1alpha1/hardware/processor.ts'
import { bytesOf } from '../../../quantity-bytes.ts'
import type { XmlElement } from './element.ts'
import { element } from './element.ts'

/** What executes the guest's instructions. */
export type Accelerator = 'KVM' | 'TCG'

/** All that the machine may grow to, and what of it is there at the start. */
export function vcpu(cpu: Cpu): XmlElement {
  const { current, maximum } = vcpuCounts(cpu)
  return element('vcpu', { placement: 'static', current: current < maximum ? current : undefined }, [
    String(maximum),
  ])
}

export function vcpuCounts({ sockets, maxSockets = sockets, cores, threads }: Cpu): {
  readonly current: number
  readonly maximum: number
} {
  return { current: sockets * cores * threads, maximum: maxSockets * cores * threads }
}

const policies = {
  Require: 'require',
  Optional: 'optional',
  Disable: 'disable',
  Forbid: 'forbid',
  Force: 'force',
} as const

/** Model, features, topology and NUMA cells, as the guest sees them. */
export function cpu(spec: Cpu, accelerator: Accelerator): XmlElement {
  const { attributes, model, disabled } = modelOf(spec.model, accelerator)
  const named = new Set((spec.features ?? []).map(({ name }) => name))
  return element('cpu', attributes, [
    model === undefined ? undefined : element('model', { fallback: 'forbid' }, [model]),
    topology(spec),
    ...disabled
      .filter((name) => !named.has(name))
      .map((name) => element('feature', { policy: 'disable', name })),
    ...(spec.features ?? []).map(({ name, policy }) =>
      element('feature', { policy: policies[policy], name }),
    ),
    numa(spec),
  ])
}

interface Model {
  readonly attributes: Readonly<Record<string, string>>
  readonly model?: string
  readonly disabled: readonly string[]
}

// All that the emulation can do: the default model is too old for current distributions. Five-level paging only costs.
const emulated: Model = {
  attributes: { mode: 'maximum', check: 'none', migratable: 'on' },
  disabled: ['la57'],
}

/** Under KVM `auto` is the host's model by name, which libvirt expands at the start and can migrate. */
function modelOf(name: string, accelerator: Accelerator): Model {
  switch (name) {
    case 'auto':
    case 'host-model':
      if (accelerator === 'TCG') return emulated
      return { attributes: { mode: 'host-model', check: 'partial' }, disabled: [] }
    case 'host-passthrough':
      if (accelerator === 'TCG') return emulated
      return { attributes: { mode: 'host-passthrough', check: 'none', migratable: 'on' }, disabled: [] }
    case 'maximum':
      return emulated
    default:
      return {
        // The emulation lacks features of most models; a guest that needs one of them names it.
        attributes: { mode: 'custom', match: 'exact', check: accelerator === 'KVM' ? 'full' : 'none' },
        model: name,
        disabled: [],
      }
  }
}

function topology({ sockets, maxSockets = sockets, cores, threads }: Cpu): XmlElement {
  return element('topology', { sockets: maxSockets, dies: 1, cores, threads })
}

function numa({ numaCells }: Cpu): XmlElement | undefined {
  if (numaCells === undefined || numaCells.length === 0) return undefined
  return element(
    'numa',
    {},
    numaCells.map(({ id, cpus, memory }) =>
      element('cell', { id, cpus, memory: Math.ceil(bytesOf(memory) / 1024), unit: 'KiB' }),
    ),
  )
}

/** Where virtual CPUs and QEMU's own threads may run on the host; nothing when they may run anywhere. */
export function cpuTuning({ pinning = [], emulatorCpus }: Cpu): XmlElement | undefined {
  if (pinning.length === 0 && emulatorCpus === undefined) return undefined
  return element('cputune', {}, [
    ...pinning.map(({ vcpu: number, cpus }) => element('vcpupin', { vcpu: number, cpuset: cpus })),
    emulatorCpus === undefined ? undefined : element('emulatorpin', { cpuset: emulatorCpus }),
  ])
}

/** Which of the host's NUMA nodes each cell takes its memory from. */
export function numaTuning({ numaCells = [] }: Cpu): XmlElement | undefined {
  const bound = numaCells.filter(({ hostNodes }) => hostNodes !== undefined)
  if (bound.length === 0) return undefined
  return element(
    'numatune',
    {},
    bound.map(({ id, hostNodes }) => element('memnode', { cellid: id, mode: 'strict', nodeset: hostNodes })),
  )
}
