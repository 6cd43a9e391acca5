import { setImmediate } from 'node:timers/promises'
import type { CachedObject } from '../../cache/cache.ts'
import type { KubeObject } from '../../registry/kube-object.ts'
import type { ObjectStore } from '../../registry/object-store.ts'
import { prefixOf, type ResourceDefinition } from '../../registry/resource-definition.ts'
import type { ResourceMap } from '../../registry/resource-map.ts'
import { served } from '../../registry/served-views.ts'
import { countsObjects, isMeasuredBy, looksInside, usageOf } from './measures.ts'
import { added, amount, masked, noUsage, type Usage } from './usage.ts'

interface CountDeps {
  readonly objects: ObjectStore
  readonly resources: ResourceMap
  readonly signal: AbortSignal
}

/** What a namespace uses of the named resources now, as far as there are kinds that use them. */
export async function countUsage(
  deps: CountDeps,
  namespace: string,
  names: readonly string[],
): Promise<Usage> {
  let total: Usage = noUsage
  for (const kind of deps.resources.distinct()) {
    const measured = names.filter((name) => isMeasuredBy(kind, name))
    if (measured.length > 0) total = added(total, await countKind(deps, kind, { namespace, measured }))
  }
  return total
}

async function countKind(
  { objects, signal }: CountDeps,
  kind: ResourceDefinition,
  { namespace, measured }: { namespace: string; measured: readonly string[] },
): Promise<Usage> {
  const cache = await objects.caughtUp(kind, undefined, signal)
  const items = cache.list(prefixOf(kind, namespace))
  const zero: Usage = new Map(measured.map((name) => [name, amount(name, 0)]))
  if (!looksInside(kind) || measured.every((name) => countsObjects(kind, name))) {
    return new Map(measured.map((name) => [name, amount(name, items.length)]))
  }
  let total = zero
  for (const [index, item] of items.entries()) {
    // Requests come first.
    if (index % itemsPerTurn === itemsPerTurn - 1) await setImmediate()
    total = added(
      total,
      masked(remembered(kind, item), (name) => measured.includes(name)),
    )
  }
  return total
}

const itemsPerTurn = 200
const usages = new WeakMap<CachedObject, Usage>()

/** Most objects are the same from one count to the next. */
function remembered(kind: ResourceDefinition, item: CachedObject): Usage {
  let usage = usages.get(item)
  if (!usage) usages.set(item, (usage = usageOf(kind, served(kind, item).object as KubeObject)))
  return usage
}
