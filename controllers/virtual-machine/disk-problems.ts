import { getCondition } from '../../apimachinery/conditions.ts'
import type { Stored } from '../../crds/meta/object-meta.ts'
import { type Disk, DiskReady } from '../../crds/v1alpha1/disk.ts'
import type { Image } from '../../crds/v1alpha1/image.ts'
import type { VmDisksReason } from '../../crds/v1alpha1/virtual-machine.ts'
import { isBeingDeleted } from '../finalizers.ts'
import { type Instance, isFinished } from '../instances.ts'
import { isControlledBy } from '../ownership.ts'
import { keyBeside } from '../beside.ts'
import { diskNameOf, disksOf, type Machine, type MachineDisk } from './machine.ts'

export interface AssessDisksDeps {
  readonly getDisk: (key: string) => Stored<Disk> | undefined
  readonly getImage: (key: string) => Stored<Image> | undefined
  /** Runs, of whatever machine, that name the disk. */
  readonly instancesUsing: (diskKey: string) => readonly Instance[]
}

export interface DiskProblem {
  /** Name of the Disk; `image/` and its name for the medium of a CD-ROM drive. */
  readonly disk: string
  readonly reason: keyof typeof VmDisksReason
  readonly message: string
  /** No run may be made; otherwise the host goes on trying and a run is what it tries for. */
  readonly blocks: boolean
}

/** What the disks of the machine lack, in the order of its spec. */
export function diskProblems(deps: AssessDisksDeps, vm: Machine): DiskProblem[] {
  const media = vm.spec.disks.flatMap(({ image }) => image?.name ?? [])
  return [
    ...disksOf(vm).flatMap((disk) => problemOf(deps, vm, disk) ?? []),
    ...media.flatMap((name) => mediumProblem(deps, vm, name) ?? []),
  ]
}

/** What keeps an Image from being shown in a drive. */
function mediumProblem({ getImage }: AssessDisksDeps, vm: Machine, name: string): DiskProblem | undefined {
  const image = getImage(keyBeside(vm, name))
  const problem = (reason: DiskProblem['reason'], what: string) =>
    ({ disk: `image/${name}`, reason, message: `Image ${name} ${what}`, blocks: true }) as const
  if (image === undefined) return problem('ImageNotFound', 'does not exist')
  if (isBeingDeleted(image)) return problem('ImageNotFound', 'is being deleted')
  if (image.status?.phase === 'Failed') return problem('ImageFailed', 'could not be imported')
  return image.status?.phase === 'Ready' ? undefined : problem('ImageNotReady', 'is not imported yet')
}

function problemOf(deps: AssessDisksDeps, vm: Machine, wanted: MachineDisk): DiskProblem | undefined {
  const name = diskNameOf(vm, wanted)
  const disk = deps.getDisk(keyBeside(vm, name))
  const inline = wanted.template !== undefined
  if (disk === undefined) {
    return inline
      ? blocking(name, 'DiskPending', 'is being made')
      : blocking(name, 'DiskNotFound', 'does not exist')
  }
  if (isBeingDeleted(disk)) return blocking(name, 'DiskDeleting', 'is being deleted')
  if (inline && !isControlledBy(disk, vm)) {
    return blocking(name, 'DiskNotOwned', 'exists and does not belong to this machine')
  }
  return useProblem(deps, vm, name) ?? stateProblem(disk)
}

function useProblem(deps: AssessDisksDeps, vm: Machine, name: string): DiskProblem | undefined {
  const other = deps
    .instancesUsing(keyBeside(vm, name))
    .find((run) => run.spec.virtualMachine.uid !== vm.metadata.uid && !isFinished(run))
  return other && blocking(name, 'DiskInUse', `is in use by machine ${other.spec.virtualMachine.name}`)
}

// What the disk's own condition says, in words of the machine.
const missing = new Map<string, DiskProblem['reason']>([
  ['StorageDomainNotFound', 'StorageDomainNotFound'],
  ['ImageNotFound', 'ImageNotFound'],
  ['ImageNotReady', 'ImageNotReady'],
  ['ImageFailed', 'ImageFailed'],
  ['SizeTooSmall', 'DiskTooSmall'],
])
const failing = new Set(['ProvisionFailed', 'StorageDomainNotReady'])

function stateProblem(disk: Stored<Disk>): DiskProblem | undefined {
  const ready = getCondition(disk, DiskReady)
  const { name } = disk.metadata
  const placed = disk.status?.hostName !== undefined
  if (ready === undefined) return placed ? undefined : blocking(name, 'DiskPending', 'is being looked at')
  const message = `Disk ${name}: ${ready.message}`
  const reason = missing.get(ready.reason)
  if (reason !== undefined) return { disk: name, reason, message, blocks: !placed }
  return failing.has(ready.reason) ? { disk: name, reason: 'DiskFailed', message, blocks: false } : undefined
}

function blocking(disk: string, reason: DiskProblem['reason'], what: string): DiskProblem {
  return { disk, reason, message: `Disk ${disk} ${what}`, blocks: true }
}
