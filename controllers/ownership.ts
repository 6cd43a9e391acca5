import type { KubeObject, OwnerReference, Stored } from '../crds/meta/object-meta.ts'

/** What a child carries so that everybody knows who makes it and that it goes with its owner. */
export function controllerReference(owner: Stored<KubeObject>): OwnerReference {
  return {
    apiVersion: owner.apiVersion,
    kind: owner.kind,
    name: owner.metadata.name,
    uid: owner.metadata.uid,
    controller: true,
    blockOwnerDeletion: true,
  }
}

/** By uid: an owner of the same name that was made anew owns nothing of its predecessor's. */
export function isControlledBy(child: KubeObject, owner: Stored<KubeObject>): boolean {
  return controllerUid(child) === owner.metadata.uid
}

export function controllerUid(child: KubeObject): string | undefined {
  return child.metadata.ownerReferences?.find(({ controller }) => controller === true)?.uid
}
