import { keyOf, type ObjectKey } from '../../apimachinery/client/client.ts'
import { setCondition } from '../../apimachinery/conditions.ts'
import { compareQuantity } from '../../apimachinery/quantity.ts'
import { hasReason, isAlreadyExists, isConflict, isNotFound } from '../../apimachinery/status-error.ts'
import type { Stored } from '../../crds/meta/object-meta.ts'
import { apiVersionOf } from '../../crds/meta/define-kind.ts'
import { type Disk, diskKind } from '../../crds/v1alpha1/disk.ts'
import { type VirtualMachine, VmDisksReady } from '../../crds/v1alpha1/virtual-machine.ts'
import { isBeingDeleted } from '../finalizers.ts'
import { controllerReference, isControlledBy } from '../ownership.ts'
import { proceed, type ReconcileContext, type Step } from '../runtime/reconciler.ts'
import { type AssessDisksDeps, type DiskProblem, diskProblems } from './disk-problems.ts'
import { keyBeside } from '../beside.ts'
import { diskNameOf, type Machine, type MachineDisk } from './machine.ts'

export interface EnsureDisksDeps extends AssessDisksDeps {
  /** From the server, for when the cache may be behind. */
  readonly readDisk: (key: ObjectKey) => Promise<Stored<Disk>>
  readonly createDisk: (disk: Disk) => Promise<Stored<Disk>>
  /** Sets `spec.size` of exactly this version of the disk. */
  readonly resizeDisk: (disk: Stored<Disk>, size: string | number) => Promise<void>
}

/**
 * Makes the inline disks and grows them with their templates; says what the disks lack. Owns the condition DisksReady.
 * A disk that left the spec stays until the machine goes: it may hold the only copy of something.
 */
export function ensureDisks(deps: EnsureDisksDeps): Step<VirtualMachine> {
  return async (ctx, vm) => {
    const refused: DiskProblem[] = []
    for (const disk of vm.spec.disks) {
      if (disk.template === undefined) continue
      const existing = deps.getDisk(keyBeside(vm, diskNameOf(vm, disk)))
      const problem =
        existing === undefined ? await make(deps, ctx, vm, disk) : await grow(deps, vm, disk, existing)
      if (problem !== undefined) refused.push(problem)
    }
    const others = diskProblems(deps, vm).filter(({ disk }) => refused.every((one) => one.disk !== disk))
    const problems = [...refused, ...others]
    const [first] = problems
    setCondition(vm, ctx.clock, {
      type: VmDisksReady,
      status: first === undefined ? 'True' : 'False',
      reason: first?.reason ?? 'DisksFound',
      message: problems.map(({ message }) => message).join('; ') || 'Every disk is there',
    })
    return proceed
  }
}

async function make(
  deps: EnsureDisksDeps,
  ctx: ReconcileContext,
  vm: Machine,
  disk: MachineDisk,
): Promise<DiskProblem | undefined> {
  const wanted = inlineDisk(vm, disk)
  try {
    ctx.log.info('Creating disk', { disk: wanted.metadata.name })
    await deps.createDisk(wanted)
    return undefined
  } catch (error) {
    // The cache is behind, or somebody else was faster: whose it is decides.
    if (isAlreadyExists(error)) return foreign(vm, await readIfThere(deps, wanted))
    if (hasReason(error, 'Invalid', 'Forbidden')) {
      const { name } = wanted.metadata
      return {
        disk: name,
        reason: 'DiskRefused',
        blocks: true,
        message: `Disk ${name} is refused: ${error.message}`,
      }
    }
    throw error
  }
}

async function readIfThere(deps: EnsureDisksDeps, { metadata }: Disk): Promise<Stored<Disk> | undefined> {
  try {
    return await deps.readDisk(metadata)
  } catch (error) {
    if (isNotFound(error)) return undefined
    throw error
  }
}

function foreign(vm: Machine, existing: Stored<Disk> | undefined): DiskProblem | undefined {
  if (existing === undefined || isControlledBy(existing, vm) || isBeingDeleted(existing)) return undefined
  const { name } = existing.metadata
  const message = `Disk ${name} exists and does not belong to this machine`
  return { disk: name, reason: 'DiskNotOwned', blocks: true, message }
}

async function grow(
  deps: EnsureDisksDeps,
  vm: Machine,
  disk: MachineDisk,
  existing: Stored<Disk>,
): Promise<DiskProblem | undefined> {
  const size = disk.template?.size
  if (size === undefined || !isControlledBy(existing, vm) || isBeingDeleted(existing)) return undefined
  const current = existing.spec.size
  if (current !== undefined && compareQuantity(String(size), String(current)) <= 0) return undefined
  try {
    await deps.resizeDisk(existing, size)
    return undefined
  } catch (error) {
    // Changed or gone under us: the watch will tell, and wake us.
    if (isConflict(error) || isNotFound(error)) return undefined
    if (!hasReason(error, 'Invalid', 'Forbidden')) throw error
    const { name } = existing.metadata
    return {
      disk: name,
      reason: 'DiskRefused',
      blocks: false,
      message: `Disk ${name} cannot grow: ${error.message}`,
    }
  }
}

/** The Disk that a template stands for. */
export function inlineDisk(vm: Machine, disk: MachineDisk): Disk {
  const { template } = disk
  if (template === undefined) throw new Error(`disk ${disk.name} of ${keyOf(vm.metadata)} has no template`)
  return {
    apiVersion: apiVersionOf(diskKind),
    kind: diskKind.kind,
    metadata: {
      name: diskNameOf(vm, disk),
      ...(vm.metadata.namespace !== undefined && { namespace: vm.metadata.namespace }),
      ownerReferences: [controllerReference(vm)],
    },
    spec: structuredClone(template),
  }
}
