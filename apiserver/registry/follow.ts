import type { CachedObject, CacheEvent } from '../cache/cache.ts'
import type { ObjectStore } from './object-store.ts'
import type { ResourceDefinition } from './resource-definition.ts'

export interface Follower {
  /** Everything there is, at the start and whenever history was lost in between. */
  onPresent(items: readonly CachedObject[]): void
  onEvents(events: readonly CacheEvent[]): void
}

/**
 * Shows a resource's objects, and then its changes, to the server's own machinery, until `signal` is aborted or the
 * resource is served no more. Resolves once `onPresent` has been called.
 */
export async function follow(
  objects: ObjectStore,
  definition: ResourceDefinition,
  signal: AbortSignal,
  follower: Follower,
): Promise<void> {
  const { prefix } = definition.stored
  const cache = await objects.cache(definition, signal)
  if (signal.aborted) return
  follower.onPresent(cache.list(prefix))
  const stop = cache.subscribe(prefix, cache.revision, {
    onEvents: (events) => follower.onEvents(events),
    onReset() {
      signal.removeEventListener('abort', stop)
      if (signal.aborted || !objects.isCached(definition)) return
      objects.forget(definition)
      follow(objects, definition, signal, follower).catch(() => {
        // Only the end of the server ends a cache that is being opened.
      })
    },
  })
  signal.addEventListener('abort', stop, { once: true })
}
