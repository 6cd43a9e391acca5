import { keyOf, type ObjectKey } from '../apimachinery/client/client.ts'
import type { KubeObject } from '../crds/meta/object-meta.ts'

/** An object that `object` names: in its namespace, or cluster-scoped like it. */
export function beside({ metadata: { namespace } }: KubeObject, name: string): ObjectKey {
  return namespace === undefined ? { name } : { name, namespace }
}

/** The same as a key of caches and queues. */
export function keyBeside(object: KubeObject, name: string): string {
  return keyOf(beside(object, name))
}
