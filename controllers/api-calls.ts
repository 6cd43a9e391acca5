import type { ApiResource, Client, ObjectKey } from '../apimachinery/client/client.ts'
import { disks, leases, type Lease, virtualMachineInstances } from '../apimachinery/client/resources.ts'
import { isNotFound } from '../apimachinery/status-error.ts'
import type { KubeObject, Stored } from '../crds/meta/object-meta.ts'
import type { Disk } from '../crds/v1alpha1/disk.ts'
import { hostLeaseNamespace } from '../crds/v1alpha1/host.ts'
import type { VirtualMachineInstance } from '../crds/v1alpha1/virtual-machine-instance.ts'
import type { Instance } from './instances.ts'
import type { LiveFields } from './virtual-machine/instance-spec.ts'

/** Who the API server notes as the one that set a field. */
export const fieldManager = 'kvorum-controllers'

/**
 * Everything that the controllers' steps ask of the API server, and nothing else: each is bound to the very object
 * that the step has seen.
 */
export interface ApiCalls {
  readonly createDisk: (disk: Disk) => Promise<Stored<Disk>>
  readonly readDisk: (key: ObjectKey) => Promise<Stored<Disk>>
  readonly resizeDisk: (disk: Stored<Disk>, size: string | number) => Promise<void>
  readonly deleteDisk: (disk: Stored<Disk>) => Promise<void>
  readonly createInstance: (instance: VirtualMachineInstance) => Promise<Instance>
  readonly readInstance: (key: ObjectKey) => Promise<Instance>
  readonly deleteInstance: (instance: Instance, options: { readonly unchanged: boolean }) => Promise<void>
  readonly setLiveFields: (instance: Instance, fields: Partial<LiveFields>) => Promise<void>
  readonly assignHost: (instance: Instance, hostName: string) => Promise<void>
  readonly readLease: (hostName: string) => Promise<Lease | undefined>
}

export function apiCalls(client: Client): ApiCalls {
  const get = async <T extends KubeObject>(resource: ApiResource<T>, { name, namespace }: ObjectKey) =>
    client.get(resource, namespace === undefined ? { name } : { name, namespace })
  const merge = async <T extends KubeObject>(resource: ApiResource<T>, object: Stored<T>, body: object) => {
    await client.patch(resource, object.metadata, { type: 'merge', body }, { fieldManager })
  }
  return {
    createDisk: (disk) => client.create(disks, disk, { fieldManager }),
    readDisk: (key) => get(disks, key),
    resizeDisk: (disk, size) => merge(disks, disk, { ...exactly(disk), spec: { size } }),
    deleteDisk: (disk) => client.delete(disks, disk.metadata, { preconditions: { uid: disk.metadata.uid } }),
    createInstance: (instance) => client.create(virtualMachineInstances, instance, { fieldManager }),
    readInstance: (key) => get(virtualMachineInstances, key),
    deleteInstance: ({ metadata }, { unchanged }) => {
      const { uid, resourceVersion } = metadata
      const preconditions = unchanged ? { uid, resourceVersion } : { uid }
      return client.delete(virtualMachineInstances, metadata, { preconditions })
    },
    setLiveFields: (instance, spec) =>
      merge(virtualMachineInstances, instance, { metadata: { uid: instance.metadata.uid }, spec }),
    assignHost: (instance, hostName) =>
      merge(virtualMachineInstances, instance, { ...exactly(instance), spec: { hostName } }),
    async readLease(hostName) {
      try {
        return await get(leases, { name: hostName, namespace: hostLeaseNamespace })
      } catch (error) {
        if (isNotFound(error)) return undefined
        throw error
      }
    },
  }
}

/** Only this version: the server answers Conflict when the object has changed since. */
function exactly({ metadata: { uid, resourceVersion } }: Stored<KubeObject>) {
  return { metadata: { uid, resourceVersion } }
}
