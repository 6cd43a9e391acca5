import { getCondition, setCondition } from '../../apimachinery/conditions.ts'
import { quantityToBytes } from '../../apimachinery/quantity.ts'
import type { Stored } from '../../crds/meta/object-meta.ts'
import { type Disk, DiskReady, type DiskReason } from '../../crds/v1alpha1/disk.ts'
import { type Image, ImageReady } from '../../crds/v1alpha1/image.ts'
import type { StorageDomain } from '../../crds/v1alpha1/storage-domain.ts'
import { keyBeside } from '../beside.ts'
import { proceed, type Step } from '../runtime/reconciler.ts'

export interface CheckDependenciesDeps {
  readonly getStorageDomain: (name: string) => StorageDomain | undefined
  readonly getImage: (key: string) => Stored<Image> | undefined
}

interface Answer {
  readonly reason: keyof typeof DiskReason
  readonly message: string
}

/** Says what a disk waits for as long as no daemon has taken it: from then on the status is the daemon's. */
export function checkDependencies(deps: CheckDependenciesDeps): Step<Disk> {
  return (ctx, disk) => {
    if (disk.status?.hostName !== undefined) return Promise.resolve(proceed)
    disk.status ??= {}
    disk.status.phase = 'Pending'
    setCondition(disk, ctx.clock, { type: DiskReady, status: 'False', ...answer(deps, disk) })
    return Promise.resolve(proceed)
  }
}

function answer(deps: CheckDependenciesDeps, disk: Stored<Disk>): Answer {
  const domain = disk.spec.storageDomain.name
  if (deps.getStorageDomain(domain) === undefined) {
    return { reason: 'StorageDomainNotFound', message: `StorageDomain ${domain} does not exist` }
  }
  return (
    imageProblem(deps, disk) ?? {
      reason: 'WaitForFirstConsumer',
      message: 'Is made on the host that its first machine is placed on',
    }
  )
}

function imageProblem({ getImage }: CheckDependenciesDeps, disk: Stored<Disk>): Answer | undefined {
  const name = disk.spec.source?.image?.name
  if (name === undefined) return undefined
  const image = getImage(keyBeside(disk, name))
  if (image === undefined) return { reason: 'ImageNotFound', message: `Image ${name} does not exist` }
  if (image.status?.phase === 'Failed') {
    return {
      reason: 'ImageFailed',
      message: `Image ${name} failed: ${getCondition(image, ImageReady)?.message ?? ''}`,
    }
  }
  if (image.status?.phase !== 'Ready') {
    return { reason: 'ImageNotReady', message: `Image ${name} is not imported yet` }
  }
  return sizeProblem(disk, image)
}

function sizeProblem({ spec: { size } }: Disk, { metadata, status }: Image): Answer | undefined {
  const needed = status?.virtualSizeBytes
  if (size === undefined || needed === undefined || quantityToBytes(String(size)) >= needed) return undefined
  return {
    reason: 'SizeTooSmall',
    message: `Size ${size} is less than the ${needed} bytes of image ${metadata.name}`,
  }
}
