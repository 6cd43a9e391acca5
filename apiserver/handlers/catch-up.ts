import type { ResourceCache } from '../cache/cache.ts'
import { tooLargeVersion } from '../registry/object-store.ts'
import type { ResourceDefinition } from '../registry/resource-definition.ts'
import type { HandlerServices } from './services.ts'

/** A version from the future may be one that the cache is about to see; after this long it is not. */
const patienceMs = 3000

/**
 * The cache of a resource, not older than `revision`; undefined: than now. Throws Timeout, with a reason that clients
 * know, for a version that does not come.
 */
export async function catchUp(
  { objects, clock }: Pick<HandlerServices, 'objects' | 'clock'>,
  definition: ResourceDefinition,
  revision: number | undefined,
  signal: AbortSignal,
): Promise<ResourceCache> {
  if (revision === undefined) return await objects.caughtUp(definition, undefined, signal)
  const cache = await objects.cache(definition, signal)
  if (cache.revision >= revision) return cache
  const patience = new AbortController()
  const cancel = clock.after(patienceMs, () => {
    const text = `Too large resource version: ${revision}, current: ${cache.revision}`
    patience.abort(tooLargeVersion(text))
  })
  try {
    return await objects.caughtUp(definition, revision, AbortSignal.any([signal, patience.signal]))
  } finally {
    cancel()
  }
}
