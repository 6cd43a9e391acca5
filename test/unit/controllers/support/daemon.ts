import { type ApiResource, type Client } from '../../../../apimachinery/client/client.ts'
import {
  disks,
  hosts,
  images,
  leases,
  virtualMachineInstances,
} from '../../../../apimachinery/client/resources.ts'
import { type Clock, microTimestamp, timestamp } from '../../../../apimachinery/clock.ts'
import { isTrue } from '../../../../apimachinery/conditions.ts'
import { isNotFound } from '../../../../apimachinery/status-error.ts'
import { diskNamesOf } from '../../../../controllers/instances.ts'
import type { Condition } from '../../../../crds/meta/fields.ts'
import type { Stored } from '../../../../crds/meta/object-meta.ts'
import type { Disk } from '../../../../crds/v1alpha1/disk.ts'
import { type Host, hostLeaseNamespace } from '../../../../crds/v1alpha1/host.ts'
import type { Image } from '../../../../crds/v1alpha1/image.ts'
import {
  type RunEnd,
  type VirtualMachineInstance,
  vmiFinalizer,
} from '../../../../crds/v1alpha1/virtual-machine-instance.ts'

type Instance = Stored<VirtualMachineInstance>

/**
 * What the daemons of all hosts would do, each call of `work` as far as it can be done at once: renews leases, imports images, makes
 * and removes disks, runs and ends runs.
 */
export interface FakeDaemons {
  work(): Promise<void>
  /** The run ends by itself. */
  endRun(name: string, reason: RunEnd, message?: string): Promise<void>
}

export function fakeDaemons(client: Client, clock: Clock): FakeDaemons {
  const setStatus = async <T extends Disk | Host | Image | VirtualMachineInstance>(
    resource: ApiResource<T>,
    object: Stored<T>,
    status: object,
  ) => {
    const next = { ...object, status: { ...object.status, ...status } }
    await client.update(resource, next, { subresource: 'status' })
  }
  const dropFinalizer = async (
    resource: ApiResource,
    object: Stored<Disk | Image | VirtualMachineInstance>,
    name: string,
  ) => {
    const { finalizers = [], resourceVersion } = object.metadata
    const body = { metadata: { resourceVersion, finalizers: finalizers.filter((one) => one !== name) } }
    await client.patch(resource, object.metadata, { type: 'merge', body })
  }
  const ready = (reason: string): Condition[] => [
    { type: 'Ready', status: 'True', reason, message: reason, lastTransitionTime: timestamp(clock) },
  ]

  const workOnImage = async (image: Stored<Image>) => {
    if (image.status?.hostName === undefined) return
    if (image.metadata.deletionTimestamp !== undefined)
      return dropFinalizer(images, image, 'kvorum.dev/image')
    if (image.status.phase === 'Pending') {
      await setStatus(images, image, {
        phase: 'Ready',
        virtualSizeBytes: 1024 ** 3,
        conditions: ready('Imported'),
      })
    }
  }
  const workOnRun = async (run: Instance) => {
    const { hostName } = run.spec
    if (hostName === undefined) return
    const isOver = run.status?.phase === 'Succeeded' || run.status?.phase === 'Failed'
    if (run.metadata.deletionTimestamp !== undefined) {
      const asked = { phase: 'Succeeded', reason: 'Requested', finishedAt: timestamp(clock) }
      return isOver
        ? dropFinalizer(virtualMachineInstances, run, vmiFinalizer)
        : setStatus(virtualMachineInstances, run, asked)
    }
    if (isOver || run.status?.startedAt !== undefined) return
    await start(run, hostName)
  }
  const start = async (run: Instance, hostName: string) => {
    for (const name of diskNamesOf(run)) {
      const disk = await client.get(disks, { ...run.metadata, name })
      if (disk.status?.phase === 'Ready') continue
      await setStatus(disks, disk, { hostName, phase: 'Ready', conditions: ready('Provisioned') })
    }
    await setStatus(virtualMachineInstances, run, { phase: 'Running', startedAt: timestamp(clock) })
  }
  const workOnDisk = async (disk: Stored<Disk>, runs: readonly Instance[]) => {
    if (disk.metadata.deletionTimestamp === undefined || disk.status?.hostName === undefined) return
    const isUsed = runs.some((run) => diskNamesOf(run).includes(disk.metadata.name))
    if (!isUsed) await dropFinalizer(disks, disk, 'kvorum.dev/disk')
  }

  const renewLease = async (name: string) => {
    const metadata = { name, namespace: hostLeaseNamespace }
    const spec = { holderIdentity: name, leaseDurationSeconds: 4, renewTime: microTimestamp(clock) }
    try {
      await client.patch(leases, metadata, { type: 'merge', body: { spec } })
    } catch (error) {
      if (!isNotFound(error)) throw error
      await client.create(leases, { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata, spec })
    }
  }

  const reportHost = async (host: Stored<Host>) => {
    await renewLease(host.metadata.name)
    if (!isTrue(host, 'Ready')) await setStatus(hosts, host, { conditions: ready('DaemonReady') })
  }

  return {
    async work() {
      for (const host of (await client.list(hosts)).items) await reportHost(host)
      for (const image of (await client.list(images)).items) await workOnImage(image)
      const runs = (await client.list(virtualMachineInstances)).items
      for (const run of runs) await workOnRun(run)
      for (const disk of (await client.list(disks)).items) await workOnDisk(disk, runs)
    },
    async endRun(name, reason, message) {
      const run = await client.get(virtualMachineInstances, { name, namespace: 'default' })
      const succeeded = reason === 'GuestShutdown' || reason === 'Requested'
      await setStatus(virtualMachineInstances, run, {
        phase: succeeded ? 'Succeeded' : 'Failed',
        reason,
        finishedAt: timestamp(clock),
        ...(message !== undefined && { message }),
      })
    },
  }
}
