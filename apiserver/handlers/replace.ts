import { timestamp } from '../../apimachinery/clock.ts'
import { isReleased } from '../registry/deletion.ts'
import type { KubeObject } from '../registry/kube-object.ts'
import type { Change } from '../registry/object-store.ts'
import {
  prepareForCreate,
  prepareForUpdate,
  preparePart,
  validateNew,
  validateUpdated,
} from '../registry/prepare-object.ts'
import type { Author, HandlerServices, Target } from './services.ts'

/** How the managedFields of a write come about: by comparing (undefined) or from an applied configuration. */
export interface WriteIntent {
  readonly services: HandlerServices
  readonly target: Target
  readonly author: Author
  /** The object carries its managedFields already, because it results from an apply. */
  readonly applied: boolean
}

/** What writing `next` over `current` comes to: server-owned fields kept, validated, or removed when released. */
export function decideReplacement(intent: WriteIntent, next: KubeObject, current: KubeObject): Change {
  const { definition, part } = intent.target
  const prepared = part
    ? preparePart(definition, part.subresource, next, current)
    : prepareForUpdate(definition, next, current)
  const object = intent.applied ? prepared : withOwners(intent, prepared, current)
  validateUpdated(definition, object, current, part?.subresource)
  return isReleased(definition, object) ? { type: 'remove', object } : { type: 'write', object }
}

/** What creating `next` through an update or apply comes to. */
export async function decideCreation(intent: WriteIntent, next: KubeObject): Promise<Change> {
  const { services, target, author } = intent
  const { resourceVersion: _, ...metadata } = next.metadata
  const prepared = prepareForCreate(
    target.definition,
    { ...next, metadata },
    { now: timestamp(services.clock), user: author.user },
  )
  await services.namespaces.checkCreate(target.definition, prepared, author.signal)
  const object = intent.applied ? prepared : withOwners(intent, prepared, undefined)
  validateNew(target.definition, object)
  return { type: 'write', object }
}

function withOwners(
  { services, target, author }: WriteIntent,
  next: KubeObject,
  current: KubeObject | undefined,
): KubeObject {
  return services.ownership.afterUpdate(
    {
      definition: target.definition,
      current,
      manager: author.manager,
      subresource: target.part?.name ?? '',
      now: timestamp(services.clock),
    },
    next,
  )
}
