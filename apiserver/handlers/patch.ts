import { timestamp } from '../../apimachinery/clock.ts'
import { applyJsonPatch } from '../../apimachinery/patch/json-patch.ts'
import { applyMergePatch } from '../../apimachinery/patch/merge-patch.ts'
import { applyStrategicMergePatch } from '../../apimachinery/patch/strategic-merge-patch.ts'
import { badRequest, conflict, invalid, notFound, StatusError } from '../../apimachinery/status-error.ts'
import { isJsonObject, type Json, type JsonObject } from '../../crds/meta/json.ts'
import { checkApplied, kindText } from '../managed-fields/check-applied.ts'
import { fieldTypeOf } from '../managed-fields/field-type.ts'
import { readBody } from '../http/body.ts'
import { decodeBody } from '../http/decode-body.ts'
import { objectReply, type Reply, type RequestContext } from '../http/exchange.ts'
import { parseMediaType } from '../http/media-types.ts'
import { type Decoded, decodeObjectOfKind, decodeWithoutDefaults } from '../registry/decode-object.ts'
import { withoutEmptyFields } from '../registry/empty-fields.ts'
import { invalidValue, requiredField } from '../registry/field-errors.ts'
import type { KubeObject } from '../registry/kube-object.ts'
import { apiVersionOf, keyOf, type ResourceDefinition } from '../registry/resource-definition.ts'
import { checkNamed, matchUrl, strictProblems, strictText } from './incoming.ts'
import { parseWriteOptions, refuseOptions, type WriteOptions } from './query-options.ts'
import { renderWritten } from './render-written.ts'
import { decideCreation, decideReplacement, type WriteIntent } from './replace.ts'
import { authorOf, type HandlerServices, type Target } from './services.ts'

type PatchType = 'json' | 'merge' | 'strategic' | 'apply'

const patchTypes: Readonly<Record<string, PatchType>> = {
  'application/json-patch+json': 'json',
  'application/merge-patch+json': 'merge',
  'application/strategic-merge-patch+json': 'strategic',
  'application/apply-patch+yaml': 'apply',
}

interface Patch {
  readonly type: PatchType
  readonly value: Json
  readonly text: string
  readonly duplicates: readonly string[]
}

interface PatchIntent extends WriteIntent {
  readonly options: WriteOptions
  readonly context: RequestContext
}

/** PATCH in all its types, of an object or one of its parts. */
export async function patchObject(
  services: HandlerServices,
  target: Target,
  context: RequestContext,
): Promise<Reply> {
  const { definition, namespace, name } = target
  const options = parseWriteOptions(context, 'PatchOptions')
  const patch = await readPatch(definition, context)
  checkOptions(patch, options)
  const author = authorOf(context, options)
  const intent: PatchIntent = { services, target, author, applied: patch.type === 'apply', options, context }
  const { object, outcome } = await services.objects.change(
    definition,
    keyOf(definition, namespace, name),
    async (current) => {
      context.warnings.length = 0
      if (patch.type === 'apply') return await decideApply(intent, patch, current)
      if (!current) throw notFound({ group: definition.group, resource: definition.plural }, name)
      const next = patched(intent, patch, current)
      return await decideReplacement(intent, next, current)
    },
    author,
  )
  return objectReply(renderWritten(services, definition, context, object), outcome === 'created' ? 201 : 200)
}

async function readPatch(definition: ResourceDefinition, context: RequestContext): Promise<Patch> {
  const contentType = context.request.headers['content-type']
  const type = patchTypes[parseMediaType(contentType ?? '').type]
  if (type === undefined || (type === 'strategic' && definition.custom)) throw unsupportedPatch(definition)
  const body = await readBody(context.request, context.signal)
  const { value, duplicates } = await decodeBody(body, contentType, context.signal)
  context.audit?.requested(value)
  return { type, value, duplicates, text: body.toString() }
}

function unsupportedPatch({ custom }: ResourceDefinition): StatusError {
  const accepted = Object.entries(patchTypes).filter(([, type]) => !(custom && type === 'strategic'))
  return new StatusError(
    'UnsupportedMediaType',
    'the body of the request was in an unknown format - accepted media types include: ' +
      accepted.map(([name]) => name).join(', '),
  )
}

function checkOptions({ type }: Patch, options: WriteOptions): void {
  if (type === 'apply') {
    if (!options.fieldManagerGiven) {
      refuseOptions('PatchOptions', [requiredField('fieldManager', 'is required for apply patch')])
    }
  } else if (options.force !== undefined) {
    refuseOptions('PatchOptions', [
      {
        reason: 'FieldValueForbidden',
        message: 'Forbidden: may not be specified for non-apply patch',
        field: 'force',
      },
    ])
  }
}

/** The object after the patch, checked and defaulted like any other input. */
function patched({ target, options, context }: PatchIntent, patch: Patch, current: KubeObject): KubeObject {
  const { definition } = target
  const value = applyPatch(definition, patch, current)
  if (!isJsonObject(value)) throw badRequest('the patch must leave an object')
  const { object, unknown } = decodePatched(definition, value, patch)
  // What was stored before a field was dropped from the schema is not this request's fault.
  const known = new Set(definition.schema.prune(current).unknown)
  const problems = strictProblems(
    unknown.filter((field) => !known.has(field)),
    patch.duplicates,
  )
  if (problems.length > 0 && options.fieldValidation === 'Strict') {
    throw invalid({ group: '', kind: '' }, '', [invalidValue('patch', patch.text, strictText(problems))])
  }
  if (options.fieldValidation === 'Warn') context.warnings.push(...problems)
  checkUid(definition, object, current)
  checkNamed(object, target.name)
  return matchUrl(definition, object, target)
}

/** A patch cannot mean another object than the one it is sent to. */
function checkUid(definition: ResourceDefinition, next: KubeObject, current: KubeObject): void {
  const { uid } = next.metadata
  if (!uid || uid === current.metadata.uid) return
  const name = current.metadata.name ?? ''
  throw invalid(definition, name, [invalidValue('metadata.uid', uid, 'field is immutable')])
}

/** What a patch makes of an object may be no object of the kind: then the patch is to blame. */
function decodePatched(definition: ResourceDefinition, value: JsonObject, patch: Patch): Decoded {
  try {
    return decodeObjectOfKind(definition, value)
  } catch (error) {
    if (!(error instanceof StatusError) || error.reason !== 'BadRequest') throw error
    throw invalid({ group: '', kind: '' }, '', [invalidValue('patch', patch.text, error.message)])
  }
}

function applyPatch(definition: ResourceDefinition, { type, value }: Patch, current: KubeObject): Json {
  switch (type) {
    case 'json':
      return applyJsonPatch(current, value)
    case 'merge':
      return applyMergePatch(current, value)
    case 'strategic':
      return applyStrategicMergePatch(current, value, definition.schema.compiled.root)
    case 'apply':
      throw new Error('an applied configuration is no patch of the current object')
  }
}

async function decideApply(intent: PatchIntent, patch: Patch, current: KubeObject | undefined) {
  const configuration = readConfiguration(intent, patch)
  return await applyConfiguration(intent, { configuration, force: intent.options.force === true }, current)
}

/** What applying a configuration to an object, or to nothing, comes to. Throws Conflict. */
export async function applyConfiguration(
  intent: WriteIntent,
  { configuration, force }: { configuration: KubeObject; force: boolean },
  current: KubeObject | undefined,
) {
  const { services, target, author } = intent
  const { definition, part } = target
  if (!current && part) throw notFound({ group: definition.group, resource: definition.plural }, target.name)
  const { metadata } = configuration
  if (metadata.uid && !current) {
    throw conflict(
      { group: definition.group, resource: definition.plural },
      target.name,
      `uid mismatch: the provided object specified uid ${metadata.uid}, and no existing object was found`,
    )
  }
  const request = {
    definition,
    current,
    manager: author.manager,
    subresource: part?.name ?? '',
    now: timestamp(services.clock),
  }
  const applied = services.ownership.apply(request, configuration, force)
  const given = withoutEmptyFields(definition, applied)
  const next = definition.schema.applyDefaults(given, definition.custom ? 'keep' : 'drop')
  if (!current) return await decideCreation(intent, matchUrl(definition, next, target))
  checkUid(definition, next, current)
  return await decideReplacement(intent, next, current)
}

/** The configuration as it was sent: what the URL says of it is checked and not added. */
function readConfiguration({ target }: WriteIntent, { value, duplicates }: Patch): KubeObject {
  const { definition } = target
  const sent = value ?? {}
  if (!isJsonObject(sent)) throw badRequest('error decoding YAML: the configuration must be an object')
  if (duplicates.length > 0)
    throw badRequest(`error strict decoding YAML: ${strictProblems([], duplicates).join(', ')}`)
  if (sent['apiVersion'] !== apiVersionOf(definition) || sent['kind'] !== definition.kind) {
    throw badRequest(`invalid object type: ${kindText(sent)}`)
  }
  if (isJsonObject(sent['metadata']) && sent['metadata']['managedFields'] !== undefined) {
    throw badRequest('metadata.managedFields must be nil')
  }
  checkApplied(fieldTypeOf(definition.schema.compiled), sent)
  // Only what the applier wrote is theirs: defaults come after.
  const { object } = decodeWithoutDefaults(definition, sent)
  matchUrl(definition, object, target)
  return object
}
