import { secrets } from '../registry/builtin/config.ts'
import { serviceAccounts } from '../registry/builtin/identity.ts'
import type { KubeObject } from '../registry/kube-object.ts'
import type { ObjectStore } from '../registry/object-store.ts'
import { keyOf, type ResourceDefinition } from '../registry/resource-definition.ts'

/** Looks up what tokens are about. */
export interface AccountLookup {
  account(namespace: string, name: string): Promise<KubeObject | undefined>
  secret(namespace: string, name: string): Promise<KubeObject | undefined>
}

/**
 * Looks into the cache, which costs nothing and hears of deletions at once; only what is not there is asked of the
 * store, because another server may have made it a moment ago.
 */
export function storedAccounts(objects: ObjectStore, signal: AbortSignal): AccountLookup {
  const find = async (definition: ResourceDefinition, namespace: string, name: string) => {
    const key = keyOf(definition, namespace, name)
    const cache = await objects.cache(definition, signal)
    const item = cache.get(key) ?? (await objects.read(definition, key, undefined, signal))
    return item?.object as KubeObject | undefined
  }
  return {
    account: (namespace, name) => find(serviceAccounts, namespace, name),
    secret: (namespace, name) => find(secrets, namespace, name),
  }
}
