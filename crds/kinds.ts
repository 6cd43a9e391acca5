import type { KindDefinition } from './meta/define-kind.ts'
import { diskKind } from './v1alpha1/disk.ts'
import { hostClusterKind } from './v1alpha1/host-cluster.ts'
import { hostKind } from './v1alpha1/host.ts'
import { imageKind } from './v1alpha1/image.ts'
import { networkKind } from './v1alpha1/network.ts'
import { storageDomainKind } from './v1alpha1/storage-domain.ts'
import { virtualMachineInstanceKind } from './v1alpha1/virtual-machine-instance.ts'
import { virtualMachineKind } from './v1alpha1/virtual-machine.ts'

/** Every kind of the API, in the order in which documentation lists them. */
export const kinds: readonly KindDefinition[] = [
  hostClusterKind,
  hostKind,
  storageDomainKind,
  networkKind,
  imageKind,
  diskKind,
  virtualMachineKind,
  virtualMachineInstanceKind,
]
