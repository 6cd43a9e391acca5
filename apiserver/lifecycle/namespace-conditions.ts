import type { JsonObject } from '../../crds/meta/json.ts'
import { objectsAt, textAt } from '../registry/kube-object.ts'
import type { ResourceDefinition } from '../registry/resource-definition.ts'

/** Objects of one kind that keep a namespace from going. */
export interface Remaining {
  readonly definition: ResourceDefinition
  readonly count: number
  /** How many objects carry each finalizer. */
  readonly finalizers: ReadonlyMap<string, number>
}

interface Condition {
  readonly type: string
  readonly status: 'True' | 'False'
  readonly reason: string
  readonly message: string
}

/** The namespace's status with the five conditions that tell how far its deletion has got. */
export function remainingConditions(
  status: JsonObject,
  remaining: readonly Remaining[],
  now: string,
): JsonObject {
  const conditions = [...settled, contentCondition(remaining), finalizerCondition(remaining)].map(
    (condition) => {
      const known = objectsAt(status, 'conditions').find(({ type }) => type === condition.type)
      const same = known && textAt(known, 'status') === condition.status
      return { ...condition, lastTransitionTime: same ? textAt(known, 'lastTransitionTime') : now }
    },
  )
  return { ...status, conditions }
}

/** Failures that cannot happen here, told because clients look for them. */
const settled: readonly Condition[] = [
  {
    type: 'NamespaceDeletionDiscoveryFailure',
    status: 'False',
    reason: 'ResourcesDiscovered',
    message: 'All resources successfully discovered',
  },
  {
    type: 'NamespaceDeletionGroupVersionParsingFailure',
    status: 'False',
    reason: 'ParsedGroupVersions',
    message: 'All legacy kube types successfully parsed',
  },
  {
    type: 'NamespaceDeletionContentFailure',
    status: 'False',
    reason: 'ContentDeleted',
    message: 'All content successfully deleted, may be waiting on finalization',
  },
]

function contentCondition(remaining: readonly Remaining[]): Condition {
  const type = 'NamespaceContentRemaining'
  if (remaining.length === 0) {
    return { type, status: 'False', reason: 'ContentRemoved', message: 'All content successfully removed' }
  }
  const parts = remaining.map(
    ({ definition, count }) => `${resourceText(definition)} has ${count} resource instances`,
  )
  return {
    type,
    status: 'True',
    reason: 'SomeResourcesRemain',
    message: `Some resources are remaining: ${parts.toSorted().join(', ')}`,
  }
}

function finalizerCondition(remaining: readonly Remaining[]): Condition {
  const type = 'NamespaceFinalizersRemaining'
  const totals = new Map<string, number>()
  for (const { finalizers } of remaining) {
    for (const [name, count] of finalizers) totals.set(name, (totals.get(name) ?? 0) + count)
  }
  if (totals.size === 0) {
    return {
      type,
      status: 'False',
      reason: 'ContentHasNoFinalizers',
      message: 'All content-preserving finalizers finished',
    }
  }
  const parts = [...totals].map(([name, count]) => `${name} in ${count} resource instances`)
  return {
    type,
    status: 'True',
    reason: 'SomeFinalizersRemain',
    message: `Some content in the namespace has finalizers remaining: ${parts.toSorted().join(', ')}`,
  }
}

function resourceText({ group, plural }: ResourceDefinition): string {
  return group === '' ? `${plural}.` : `${plural}.${group}`
}
