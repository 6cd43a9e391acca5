import { timestamp } from '../../apimachinery/clock.ts'
import { badRequest, notFound } from '../../apimachinery/status-error.ts'
import type { Json, JsonObject } from '../../crds/meta/json.ts'
import { admitDeletion } from '../admission/admit-write.ts'
import { objectReply, type Reply, type RequestContext } from '../http/exchange.ts'
import { decideDeletion, type DeleteRequest, type PropagationPolicy } from '../registry/deletion.ts'
import { invalidValue, unsupportedValue, type FieldError } from '../registry/field-errors.ts'
import { at, stringsAt, textAt, type KubeObject } from '../registry/kube-object.ts'
import type { Changed } from '../registry/object-store.ts'
import { keyOf, type ResourceDefinition } from '../registry/resource-definition.ts'
import { readJson } from './incoming.ts'
import { parseDryRun, refuseOptions } from './query-options.ts'
import type { Author, HandlerServices, Target } from './services.ts'

export interface DeleteOptions extends DeleteRequest {
  readonly dryRun: boolean
}

/** DELETE of one object: gone at once, or marked when a finalizer holds it. */
export async function deleteObject(
  services: HandlerServices,
  target: Target,
  context: RequestContext,
): Promise<Reply> {
  const { definition, namespace, name } = target
  const options = await readDeleteOptions(context)
  const changed = await removeObject(services, definition, {
    namespace,
    name,
    options,
    author: deleterOf(context, options),
  })
  return objectReply(deletionAnswer(definition, changed))
}

/** Throws NotFound, Conflict, or Forbidden for what may not be deleted. */
export async function removeObject(
  services: Pick<HandlerServices, 'objects' | 'clock' | 'admission'>,
  definition: ResourceDefinition,
  request: { namespace: string; name: string; options: DeleteOptions; author: Author },
): Promise<Changed> {
  const { namespace, name, options, author } = request
  const write = { services, target: { definition, namespace, name }, author }
  return await services.objects.change(
    definition,
    keyOf(definition, namespace, name),
    async (current) => {
      if (!current) throw notFound({ group: definition.group, resource: definition.plural }, name)
      const change = decideDeletion(definition, current, options, timestamp(services.clock))
      await admitDeletion(write, current)
      return change
    },
    author,
  )
}

/** On whose behalf something is deleted. */
export function deleterOf(
  { user, signal, warnings, annotations }: RequestContext,
  { dryRun, uid, resourceVersion, propagationPolicy }: DeleteOptions,
): Author {
  const preconditions = { ...(uid && { uid }), ...(resourceVersion && { resourceVersion }) }
  const options = {
    kind: 'DeleteOptions',
    apiVersion: 'meta.k8s.io/v1',
    ...(dryRun && { dryRun: ['All'] }),
    ...(Object.keys(preconditions).length > 0 && { preconditions }),
    ...(propagationPolicy && { propagationPolicy }),
  }
  return { manager: '', user, dryRun, signal, warnings, annotations, options }
}

function deletionAnswer(definition: ResourceDefinition, { object, outcome }: Changed): JsonObject {
  if (outcome !== 'removed' || definition.strategy.returnsDeletedObject) return object
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Success',
    details: detailsOf(definition, object),
  }
}

function detailsOf({ group, plural }: ResourceDefinition, { metadata }: KubeObject): JsonObject {
  const { name, uid } = metadata
  return { name, ...(group && { group }), kind: plural, uid }
}

const policies: readonly PropagationPolicy[] = ['Background', 'Foreground', 'Orphan']

/** From the body, and from the query where the body says nothing. Throws Invalid or BadRequest. */
export async function readDeleteOptions(context: RequestContext): Promise<DeleteOptions> {
  const body = await readJson(context)
  if ((textAt(body, 'kind') || 'DeleteOptions') !== 'DeleteOptions') {
    throw badRequest('the object provided is unrecognized (must be of type DeleteOptions)')
  }
  const { query } = context
  const faults: FieldError[] = []
  const dryRun = parseDryRun([...query.getAll('dryRun'), ...stringsAt(body, 'dryRun')], faults)
  const propagationPolicy = parsePolicy(
    textAt(body, 'propagationPolicy') || (query.get('propagationPolicy') ?? ''),
    at(body, 'orphanDependents') ?? query.get('orphanDependents') ?? undefined,
    faults,
  )
  refuseOptions('DeleteOptions', faults)
  const uid = textAt(body, 'preconditions', 'uid')
  const resourceVersion = textAt(body, 'preconditions', 'resourceVersion')
  return {
    dryRun,
    ...(uid && { uid }),
    ...(resourceVersion && { resourceVersion }),
    ...(propagationPolicy && { propagationPolicy }),
  }
}

function parsePolicy(
  policy: string,
  orphan: Json | undefined,
  faults: FieldError[],
): PropagationPolicy | undefined {
  if (policy === '') return policyOfOrphan(orphan)
  if (orphan !== undefined) {
    faults.push(
      invalidValue(
        'propagationPolicy',
        policy,
        'orphanDependents and deletionPropagation cannot be both set',
      ),
    )
  }
  if (isPolicy(policy)) return policy
  faults.push(unsupportedValue('propagationPolicy', policy, ['Background', 'Foreground', 'Orphan', '']))
  return undefined
}

function isPolicy(text: string): text is PropagationPolicy {
  return (policies as readonly string[]).includes(text)
}

/** `orphanDependents` is what clients sent before there was a policy. */
function policyOfOrphan(orphan: unknown): PropagationPolicy | undefined {
  if (orphan === true || orphan === 'true') return 'Orphan'
  if (orphan === false || orphan === 'false') return 'Background'
  return undefined
}
