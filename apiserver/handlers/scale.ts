import { badRequest, notFound, StatusError } from '../../apimachinery/status-error.ts'
import { applyJsonPatch } from '../../apimachinery/patch/json-patch.ts'
import { applyMergePatch } from '../../apimachinery/patch/merge-patch.ts'
import { isJsonObject, type Json, type JsonObject } from '../../crds/meta/json.ts'
import { readBody } from '../http/body.ts'
import { decodeBody } from '../http/decode-body.ts'
import type { AdmissionRequest } from '../admission/admission.ts'
import { admissionRequest } from '../admission/admit-write.ts'
import { objectReply, type Reply, type RequestContext } from '../http/exchange.ts'
import { negotiate, parseMediaType } from '../http/media-types.ts'
import { at, textAt, type KubeObject } from '../registry/kube-object.ts'
import type { Change } from '../registry/object-store.ts'
import { keyOf, type ScaleSubresource } from '../registry/resource-definition.ts'
import { scaleColumns } from '../table/scale-columns.ts'
import { toTable } from '../table/table.ts'
import { parseWriteOptions } from './query-options.ts'
import { rowObjectOf } from './render.ts'
import { decideReplacement, type WriteIntent } from './replace.ts'
import { authorOf, type HandlerServices, type Target } from './services.ts'

/** `/scale`: reads and writes an object's replica count as a Scale. */
export async function handleScale(
  services: HandlerServices,
  target: Target,
  scale: ScaleSubresource,
  context: RequestContext,
): Promise<Reply> {
  const { definition, namespace, name } = target
  const key = keyOf(definition, namespace, name)
  const missing = () => notFound({ group: definition.group, resource: definition.plural }, name)
  const { verb } = context.info
  if (verb === 'get') {
    const item = await services.objects.read(definition, key, undefined, context.signal)
    if (!item) throw missing()
    return scaleReply(services, context, scaleOf(item.object as KubeObject, scale))
  }
  if (verb !== 'update' && verb !== 'patch') {
    throw new StatusError(
      'MethodNotAllowed',
      'the server does not allow this method on the requested resource',
    )
  }
  const options = parseWriteOptions(context, verb === 'patch' ? 'PatchOptions' : 'UpdateOptions')
  const author = authorOf(context, options)
  const body = await decodeBody(
    await readBody(context.request, context.signal),
    context.request.headers['content-type'],
    context.signal,
  )
  const { object } = await services.objects.change(
    definition,
    key,
    async (current) => {
      if (!current) throw missing()
      const wanted =
        verb === 'patch' ? patchedScale(context, scaleOf(current, scale), body.value) : body.value
      return await decideScaling(
        { services, target, author, applied: false, through: 'scale' },
        { scale, wanted, current },
      )
    },
    author,
  )
  return scaleReply(services, context, scaleOf(object, scale))
}

/** The Scale, or the row that kubectl prints of it. */
function scaleReply({ tables }: HandlerServices, context: RequestContext, scale: KubeObject): Reply {
  const rendering = negotiate(context.request.headers.accept)
  if (rendering.as !== 'table') return objectReply(scale)
  const table = toTable({
    objects: [scale],
    columns: scaleColumns,
    includeObject: rowObjectOf(context.query),
    metadata: { resourceVersion: scale.metadata.resourceVersion ?? '' },
    now: tables.now(),
    version: rendering.version,
  })
  return objectReply(table)
}

/** Admission is shown the Scale, the store gets the whole object. */
async function decideScaling(
  intent: WriteIntent,
  { scale, wanted, current }: { scale: ScaleSubresource; wanted: Json; current: KubeObject },
): Promise<Change> {
  const asked = withReplicas(current, scale, wanted)
  const request: AdmissionRequest = {
    ...admissionRequest(intent, 'UPDATE', {
      object: scaleOf(asked, scale),
      current: scaleOf(current, scale),
    }),
    subresource: 'scale',
  }
  const { admission } = intent.services
  const object = (await admission.mutate(request)) ?? request.object
  const next = object && object !== request.object ? withReplicas(current, scale, object) : asked
  const change = await decideReplacement({ ...intent, admitted: true }, next, current)
  await admission.validate({ ...request, object: scaleOf(next, scale) })
  return change
}

function scaleOf(object: KubeObject, scale: ScaleSubresource): KubeObject {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata
  const selector = scale.labelSelectorPath ? textAt(object, ...scale.labelSelectorPath) : ''
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: {
      ...(name && { name }),
      ...(namespace && { namespace }),
      ...(uid && { uid }),
      ...(resourceVersion && { resourceVersion }),
      ...(creationTimestamp && { creationTimestamp }),
    },
    spec: { replicas: countAt(object, scale.specReplicasPath) },
    status: { replicas: countAt(object, scale.statusReplicasPath), ...(selector && { selector }) },
  }
}

function countAt(object: KubeObject, path: readonly string[]): number {
  const value = at(object, ...path)
  return typeof value === 'number' ? value : 0
}

function patchedScale(context: RequestContext, current: JsonObject, patch: Json): Json {
  const { type } = parseMediaType(context.request.headers['content-type'] ?? '')
  if (type === 'application/json-patch+json') return applyJsonPatch(current, patch)
  return applyMergePatch(current, patch)
}

function withReplicas(current: KubeObject, scale: ScaleSubresource, wanted: Json): KubeObject {
  if (!isJsonObject(wanted)) throw badRequest('the body of the request must be a Scale')
  const replicas = at(wanted, 'spec', 'replicas') ?? 0
  if (typeof replicas !== 'number' || !Number.isInteger(replicas) || replicas < 0) {
    throw new StatusError(
      'Invalid',
      `Scale.autoscaling "${current.metadata.name}" is invalid: spec.replicas: Invalid value: ${JSON.stringify(replicas)}: must be greater than or equal to 0`,
      {
        details: {
          name: current.metadata.name ?? '',
          group: 'autoscaling',
          kind: 'Scale',
          causes: [
            {
              reason: 'FieldValueInvalid',
              message: 'must be greater than or equal to 0',
              field: 'spec.replicas',
            },
          ],
        },
      },
    )
  }
  const resourceVersion =
    textAt(wanted, 'metadata', 'resourceVersion') || (current.metadata.resourceVersion ?? '')
  const next = setAt(current, scale.specReplicasPath, replicas) as KubeObject
  return { ...next, metadata: { ...next.metadata, resourceVersion } }
}

function setAt(object: JsonObject, [first, ...rest]: readonly string[], value: Json): JsonObject {
  if (first === undefined) return object
  const inner = object[first]
  return {
    ...object,
    [first]: rest.length === 0 ? value : setAt(isJsonObject(inner) ? inner : {}, rest, value),
  }
}
