import type { ApiResource, Client } from '../../../apimachinery/client/client.ts'
import { hosts } from '../../../apimachinery/client/resources.ts'
import { isAlreadyExists } from '../../../apimachinery/status-error.ts'
import type { KubeObject } from '../../../crds/meta/object-meta.ts'
import type { VirtualMachine } from '../../../crds/v1alpha1/virtual-machine.ts'
import { aHost, aVirtualMachine, type Overrides } from '../../support/builders.ts'

/** As a user would write it: without what the server fills in. */
function asWritten<T extends KubeObject>({ metadata, ...object }: T): T {
  const {
    uid: _uid,
    resourceVersion: _version,
    creationTimestamp: _time,
    generation: _number,
    ...written
  } = metadata
  return { ...object, metadata: written } as T
}

export async function applied(
  client: Client,
  objects: readonly (readonly [ApiResource, KubeObject])[],
): Promise<void> {
  for (const [resource, object] of objects) {
    try {
      await client.create(resource, asWritten(object))
    } catch (error) {
      if (!isAlreadyExists(error)) throw error
    }
  }
}

/** Registered and ready, with the domain `default` and these networks attached, as its daemon would say. */
export async function anAttachedHost(
  client: Client,
  name: string,
  networks: readonly string[] = ['default'],
): Promise<void> {
  const { status, ...host } = aHost({ metadata: { name } })
  await applied(client, [[hosts, host]])
  const said = {
    ...status,
    storageDomains: [{ name: 'default', ready: true }],
    networks: networks.map((network) => ({ name: network, ready: true })),
  }
  await client.patch(hosts, { name }, { type: 'merge', body: { status: said } }, { subresource: 'status' })
}

/** One inline disk from the image, one interface. */
export function aMachine(name: string, spec: Overrides<VirtualMachine['spec']> = {}): VirtualMachine {
  return asWritten(
    aVirtualMachine({
      metadata: { name },
      spec: {
        memory: { size: '128Mi' },
        disks: [
          {
            name: 'root',
            bus: 'virtio',
            template: {
              size: '2Gi',
              storageDomain: { name: 'default' },
              format: 'qcow2',
              provisioning: 'Thin',
              source: { image: { name: 'image-1' } },
            },
          },
        ],
        interfaces: [{ name: 'eth0', network: { name: 'default' }, model: 'virtio' }],
        ...spec,
      },
    }),
  )
}
