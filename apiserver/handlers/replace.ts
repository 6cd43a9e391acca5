import { timestamp } from '../../apimachinery/clock.ts'
import { mutateNew, mutateReplacement, validateWrite } from '../admission/admit-write.ts'
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
  /** The subresource to record as the one written through, where it is none of the target's parts. */
  readonly through?: string
  /** Admission is asked by the caller, about something else than the whole object. */
  readonly admitted?: boolean
}

/** What writing `next` over `current` comes to: server-owned fields kept, validated, or removed when released. */
export async function decideReplacement(
  intent: WriteIntent,
  next: KubeObject,
  current: KubeObject,
): Promise<Change> {
  const { definition, part } = intent.target
  const prepared = part
    ? preparePart(definition, part.subresource, next, current)
    : prepareForUpdate(definition, next, current)
  const owned = intent.applied ? prepared : withOwners(intent, prepared, current)
  const object = intent.admitted ? owned : await mutateReplacement(intent, owned, current)
  validateUpdated(definition, object, current, part?.subresource)
  if (!intent.admitted) await validateWrite(intent, 'UPDATE', { object, current })
  intent.author.audit?.changing(current, object)
  return isReleased(definition, object) ? { type: 'remove', object } : { type: 'write', object }
}

/** What creating `next` through an update or apply comes to. */
export async function decideCreation(intent: WriteIntent, next: KubeObject): Promise<Change> {
  const { services, target, author } = intent
  const { resourceVersion: _, ...metadata } = next.metadata
  const now = timestamp(services.clock)
  const prepared = prepareForCreate(target.definition, { ...next, metadata }, { now, user: author.user })
  await services.namespaces.checkCreate(target.definition, prepared, author.signal)
  const owned = intent.applied ? prepared : withOwners(intent, prepared, undefined)
  const object = await mutateNew(intent, owned, now)
  validateNew(target.definition, object)
  await validateWrite(intent, 'CREATE', { object })
  return { type: 'write', object }
}

function withOwners(
  { services, target, author, through }: WriteIntent,
  next: KubeObject,
  current: KubeObject | undefined,
): KubeObject {
  return services.ownership.afterUpdate(
    {
      definition: target.definition,
      current,
      manager: author.manager,
      subresource: through ?? target.part?.name ?? '',
      now: timestamp(services.clock),
    },
    next,
  )
}
