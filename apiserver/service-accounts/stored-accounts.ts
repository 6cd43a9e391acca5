import { secrets } from '../registry/builtin/config.ts'
import { serviceAccounts } from '../registry/builtin/identity.ts'
import type { KubeObject } from '../registry/kube-object.ts'
import type { ObjectStore } from '../registry/object-store.ts'
import { keyOf, type ResourceDefinition } from '../registry/resource-definition.ts'

/** Looks up what tokens are about. */
export interface AccountLookup {
  /** `uid` is the one that is expected: when another is found, a closer look is taken. */
  account(namespace: string, name: string, uid?: string): Promise<KubeObject | undefined>
  secret(namespace: string, name: string, uid?: string): Promise<KubeObject | undefined>
}

/**
 * Looks into the cache, which costs nothing and hears of deletions at once; only what is not there, or is not what was
 * expected, is asked of the store, because another server may have made it a moment ago.
 */
export function storedAccounts(objects: ObjectStore, signal: AbortSignal): AccountLookup {
  const find = async (definition: ResourceDefinition, key: string, uid: string | undefined) => {
    const cache = await objects.cache(definition, signal)
    const known = cache.get(key)?.object as KubeObject | undefined
    if (known && (uid === undefined || known.metadata.uid === uid)) return known
    const item = await objects.read(definition, key, undefined, signal)
    return item?.object as KubeObject | undefined
  }
  return {
    account: (namespace, name, uid) => find(serviceAccounts, keyOf(serviceAccounts, namespace, name), uid),
    secret: (namespace, name, uid) => find(secrets, keyOf(secrets, namespace, name), uid),
  }
}
