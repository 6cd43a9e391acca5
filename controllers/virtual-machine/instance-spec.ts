import { isDeepStrictEqual } from 'node:util'
import { compareQuantity } from '../../apimachinery/quantity.ts'
import type {
  VirtualMachineInstance,
  VirtualMachineInstanceSpec,
} from '../../crds/v1alpha1/virtual-machine-instance.ts'
import { virtualMachineInstanceKind, vmiFinalizer } from '../../crds/v1alpha1/virtual-machine-instance.ts'
import { apiVersionOf } from '../../crds/meta/define-kind.ts'
import { controllerReference } from '../ownership.ts'
import { hardwareOf } from '../../crds/v1alpha1/machine-hardware.ts'
import type { Power } from './decide.ts'
import { diskNameOf, identityOf, isDisk, type Machine } from './machine.ts'

/** The next run of a machine: complete, so that a host needs nothing but it and what it names. */
export function instanceOf(vm: Machine): VirtualMachineInstance {
  const { name, namespace } = vm.metadata
  return {
    apiVersion: apiVersionOf(virtualMachineInstanceKind),
    kind: virtualMachineInstanceKind.kind,
    metadata: {
      name,
      ...(namespace !== undefined && { namespace }),
      ownerReferences: [controllerReference(vm)],
      // From the first moment: whoever deletes the run finds it held until its host has cleaned up.
      finalizers: [vmiFinalizer],
    },
    spec: instanceSpecOf(vm),
  }
}

/** Needs the identity of every interface in the machine's status. */
export function instanceSpecOf(vm: Machine): VirtualMachineInstanceSpec {
  const { spec, metadata, status } = vm
  return {
    virtualMachine: { name: metadata.name, uid: metadata.uid },
    machineGeneration: metadata.generation ?? 0,
    hostCluster: spec.hostCluster,
    ...(spec.hostSelector !== undefined && { hostSelector: spec.hostSelector }),
    uuid: status?.uuid ?? metadata.uid,
    power: runPowerOf(spec.power),
    ...(spec.restartToken !== undefined && { restartToken: spec.restartToken }),
    startup: spec.startup,
    ...hardwareOf(spec),
    disks: spec.disks.map((entry) => {
      const { disk: _disk, template: _template, ...device } = entry
      return isDisk(entry) ? { ...device, disk: { name: diskNameOf(vm, entry) } } : device
    }),
    interfaces: spec.interfaces.map((nic) => {
      const identity = identityOf(vm, nic.name)
      if (identity === undefined) throw new Error(`interface ${nic.name} of ${metadata.name} has no identity`)
      const { ipAddress: _wanted, ...card } = nic
      return {
        ...card,
        macAddress: identity.macAddress,
        ...(identity.ipAddress !== undefined && { ipAddress: identity.ipAddress }),
      }
    }),
  }
}

/** A machine that is to be stopped has no run; while the last one ends it is what it was. */
function runPowerOf(power: Power): VirtualMachineInstanceSpec['power'] {
  return power === 'Stopped' ? 'Running' : power
}

/** What a run takes over from its machine while it goes on. */
export type LiveFields = Pick<
  VirtualMachineInstanceSpec,
  'power' | 'startup' | 'drift' | 'terminationGracePeriodSeconds'
>

/** The live fields of a run that its machine's spec says otherwise by now; undefined when there are none. */
export function liveChanges(running: LiveFields, { spec }: Machine): Partial<LiveFields> | undefined {
  const { startup, drift, terminationGracePeriodSeconds } = spec
  const wanted: LiveFields = { power: runPowerOf(spec.power), startup, drift, terminationGracePeriodSeconds }
  const changes = Object.entries(wanted).filter(
    ([field, value]) => !isDeepStrictEqual(running[field as keyof LiveFields], value),
  )
  return changes.length === 0 ? undefined : Object.fromEntries(changes)
}

// Not what a user changes, or changed while the machine runs.
const notCompared = new Set([
  'virtualMachine',
  'machineGeneration',
  'hostName',
  'uuid',
  'power',
  'restartToken',
  'startup',
  'drift',
  'terminationGracePeriodSeconds',
])

/**
 * The fields, as they are called in the machine's spec, in which a run differs from the one that would be made now:
 * `cpu.cores`, `disks[data]`, `interfaces[eth0].network.name`.
 */
export function differingFields(
  running: VirtualMachineInstanceSpec,
  wanted: VirtualMachineInstanceSpec,
): string[] {
  const fields = new Set<string>()
  for (const field of new Set([...Object.keys(running), ...Object.keys(wanted)])) {
    if (notCompared.has(field)) continue
    compare(running[field as keyof typeof running], wanted[field as keyof typeof wanted], field, fields)
  }
  return [...fields].toSorted()
}

function compare(a: unknown, b: unknown, path: string, fields: Set<string>): void {
  if (isDeepStrictEqual(a, b)) return
  if (path === 'memory.size' && compareQuantity(String(a), String(b)) === 0) return
  if (isNamedList(a) && isNamedList(b)) return compareLists(a, b, path, fields)
  if (isPlain(a) && isPlain(b) && path !== 'hostSelector') {
    for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
      compare(a[key], b[key], `${path}.${key}`, fields)
    }
    return
  }
  fields.add(path)
}

function compareLists(a: readonly Named[], b: readonly Named[], path: string, fields: Set<string>): void {
  for (const name of new Set([...a, ...b].map((item) => item.name))) {
    const before = a.find((item) => item.name === name)
    const after = b.find((item) => item.name === name)
    if (before === undefined || after === undefined) fields.add(`${path}[${name}]`)
    else compare(before, after, `${path}[${name}]`, fields)
  }
}

interface Named extends Record<string, unknown> {
  readonly name: string
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isNamedList(value: unknown): value is readonly Named[] {
  return Array.isArray(value) && value.every((item) => isPlain(item) && typeof item['name'] === 'string')
}
