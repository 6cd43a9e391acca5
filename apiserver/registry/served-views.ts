import { unlessAborted } from '../../apimachinery/client/unless-aborted.ts'
import type { CachedObject } from '../cache/cache.ts'
import { cachedView } from '../cache/cached-object.ts'
import type { KubeObject } from './kube-object.ts'
import type { ResourceDefinition, VersionConversion } from './resource-definition.ts'

/*
 * Objects are cached as they are stored. What a definition serves of them, its views, is made when somebody asks and
 * remembered for as long as the cached object lives. Most views are made on the spot by `served`; those that take a
 * webhook have to be made by `convertAhead` before.
 */

const views = new WeakMap<ResourceDefinition, WeakMap<CachedObject, CachedObject>>()
/** Conversions under way, so that many watchers of one event cause one call. */
const underWay = new WeakMap<ResourceDefinition, Map<CachedObject, Promise<void>>>()

/** A cached object in the version that `definition` serves; made at most once per object. */
export function served(definition: ResourceDefinition, item: CachedObject): CachedObject {
  const { stored } = definition
  if (!stored.decode) return item
  const known = viewsOf(definition)
  let view = known.get(item)
  if (view === undefined) {
    const object = item.object as KubeObject
    const decoded = stored.decode(object)
    view = decoded === object ? item : viewOf(item, decoded)
    known.set(item, view)
  }
  return view
}

/**
 * Makes the views that only a webhook can make, in as few calls as possible; `served` finds them from then on.
 * Undefined when there is nothing to wait for. Rejects with the StatusError of a failed conversion.
 */
export function convertAhead(
  definition: ResourceDefinition,
  items: readonly CachedObject[],
  signal?: AbortSignal,
): Promise<void> | undefined {
  const { conversion } = definition.stored
  if (conversion === undefined) return undefined
  const known = viewsOf(definition)
  const missing = items.filter((item) => !known.has(item) && conversion.concerns(item.object as KubeObject))
  if (missing.length === 0) return undefined
  return unlessAborted(convertMissing(definition, conversion, missing), signal)
}

async function convertMissing(
  definition: ResourceDefinition,
  conversion: VersionConversion,
  missing: readonly CachedObject[],
): Promise<void> {
  let pending = underWay.get(definition)
  if (!pending) underWay.set(definition, (pending = new Map()))
  const inProgress = pending
  const fresh = missing.filter((item) => !inProgress.has(item))
  if (fresh.length > 0) {
    const done = convert(definition, conversion, fresh).finally(() => {
      for (const item of fresh) inProgress.delete(item)
    })
    for (const item of fresh) inProgress.set(item, done)
  }
  await Promise.all(new Set(missing.flatMap((item) => inProgress.get(item) ?? [])))
}

async function convert(
  definition: ResourceDefinition,
  conversion: VersionConversion,
  items: readonly CachedObject[],
): Promise<void> {
  const objects = items.map(({ object }) => object as KubeObject)
  const converted = await conversion.toServed(objects)
  const known = viewsOf(definition)
  for (const [index, item] of items.entries()) {
    const object = converted[index]
    if (object) known.set(item, object === objects[index] ? item : viewOf(item, object))
  }
}

function viewOf({ key, revision }: CachedObject, object: KubeObject): CachedObject {
  return cachedView({ key, revision, object, json: Buffer.from(JSON.stringify(object)) })
}

function viewsOf(definition: ResourceDefinition): WeakMap<CachedObject, CachedObject> {
  let known = views.get(definition)
  if (!known) views.set(definition, (known = new WeakMap()))
  return known
}
