import { randomUUID } from 'node:crypto'
import { jsonEqual } from '../../apimachinery/patch/json-equal.ts'
import { badRequest, conflict, invalid } from '../../apimachinery/status-error.ts'
import type { JsonObject } from '../../crds/meta/json.ts'
import type { UserInfo } from '../http/exchange.ts'
import type { FieldError } from './field-errors.ts'
import { invalidValue } from './field-errors.ts'
import { withOwnMeta, type KubeObject } from './kube-object.ts'
import { validateMeta, validateMetaUpdate } from './object-meta-validation.ts'
import { modifiedText } from './object-store.ts'
import type { PartSubresource, ResourceDefinition } from './resource-definition.ts'

/** A new object with everything the server fills in. `now` is a timestamp. Throws BadRequest. */
export function prepareForCreate(
  definition: ResourceDefinition,
  given: KubeObject,
  { now, user }: { now: string; user: UserInfo | undefined },
): KubeObject {
  if (given.metadata.resourceVersion) {
    throw badRequest('resourceVersion should not be set on objects to be created')
  }
  const object = withOwnMeta(given)
  const { metadata } = object
  delete metadata.resourceVersion
  delete metadata.deletionTimestamp
  delete metadata.deletionGracePeriodSeconds
  delete metadata.generation
  metadata.uid = randomUUID()
  metadata.creationTimestamp = now
  if (definition.strategy.countsGenerations) metadata.generation = 1
  if (definition.subresources['status']) delete object['status']
  definition.strategy.prepareForCreate(object, user)
  return object
}

/** Throws Invalid with every problem of a new object. */
export function validateNew(definition: ResourceDefinition, object: KubeObject): void {
  const { namespaced, strategy, schema } = definition
  refuse(definition, object, [
    ...validateMeta(object, { namespaced, nameRule: strategy.nameRule }),
    ...schema.validate(object, undefined),
    ...strategy.validate(object),
  ])
}

/**
 * What shall replace `current`: server-owned fields kept, status left alone. Throws Conflict when `given` is based on
 * another version, Invalid when it names none and has to.
 */
export function prepareForUpdate(
  definition: ResourceDefinition,
  given: KubeObject,
  current: KubeObject,
): KubeObject {
  checkVersion(definition, given, current)
  const next = keepServerFields(given, current)
  if (definition.subresources['status']) keepField(next, current, 'status')
  definition.strategy.prepareForUpdate(next, current)
  bumpGeneration(definition, next, current)
  return next
}

/** As `prepareForUpdate`, for a write to `/status` or another part. */
export function preparePart(
  definition: ResourceDefinition,
  part: PartSubresource,
  given: KubeObject,
  current: KubeObject,
): KubeObject {
  checkVersion(definition, given, current)
  const next = withOwnMeta(part.merge(given, current))
  if (given.metadata.managedFields) next.metadata.managedFields = given.metadata.managedFields
  bumpGeneration(definition, next, current)
  return next
}

/** Throws Invalid with every problem of an update. */
export function validateUpdated(
  definition: ResourceDefinition,
  next: KubeObject,
  current: KubeObject,
  part?: PartSubresource,
): void {
  const { namespaced, strategy, schema } = definition
  refuse(definition, next, [
    ...validateMeta(next, { namespaced, nameRule: strategy.nameRule }),
    ...validateMetaUpdate(next, current),
    ...schema.validate(next, current),
    ...(part ? (part.validate?.(next, current) ?? []) : strategy.validateUpdate(next, current)),
  ])
}

function refuse(definition: ResourceDefinition, object: KubeObject, errors: readonly FieldError[]): void {
  if (errors.length > 0) throw invalid(definition, object.metadata.name ?? '', errors)
}

function checkVersion(definition: ResourceDefinition, given: KubeObject, current: KubeObject): void {
  const { resourceVersion = '', uid = '' } = given.metadata
  const name = current.metadata.name ?? ''
  const ref = { group: definition.group, resource: definition.plural }
  if (uid !== '' && uid !== current.metadata.uid) {
    throw conflict(
      ref,
      name,
      `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${current.metadata.uid}`,
    )
  }
  if (resourceVersion === '' || resourceVersion === '0') {
    if (definition.strategy.allowUnconditionalUpdate) return
    throw invalid(definition, name, [
      invalidValue('metadata.resourceVersion', 0, 'must be specified for an update'),
    ])
  }
  if (resourceVersion !== current.metadata.resourceVersion) throw conflict(ref, name, modifiedText)
}

const serverFields = ['uid', 'creationTimestamp', 'deletionTimestamp', 'deletionGracePeriodSeconds'] as const

function keepServerFields(given: KubeObject, current: KubeObject): KubeObject {
  const next = withOwnMeta(given)
  const meta: JsonObject = next.metadata
  for (const name of serverFields) {
    const kept = current.metadata[name]
    if (kept === undefined) delete meta[name]
    else meta[name] = kept
  }
  const { resourceVersion, generation } = current.metadata
  if (resourceVersion !== undefined) next.metadata.resourceVersion = resourceVersion
  if (generation === undefined) delete next.metadata.generation
  else next.metadata.generation = generation
  return next
}

/** Gives `next` the field as `current` has it, absence included. */
export function keepField(next: KubeObject, current: KubeObject, name: string): void {
  const kept = current[name]
  if (kept === undefined) delete next[name]
  else next[name] = kept
}

function bumpGeneration(definition: ResourceDefinition, next: KubeObject, current: KubeObject): void {
  if (!definition.strategy.countsGenerations) return
  if (jsonEqual(wanted(definition, next), wanted(definition, current))) return
  next.metadata.generation = (current.metadata.generation ?? 0) + 1
}

/** The part of an object whose changes count as a new generation. */
function wanted(definition: ResourceDefinition, object: KubeObject): JsonObject {
  const { metadata: _metadata, status, ...rest } = object
  return definition.subresources['status'] ? rest : { ...rest, status }
}
