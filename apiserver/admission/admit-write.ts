import type { JsonObject } from '../../crds/meta/json.ts'
import { matchUrl } from '../handlers/incoming.ts'
import type { Author, HandlerServices, Target } from '../handlers/services.ts'
import { decodeObjectOfKind } from '../registry/decode-object.ts'
import type { KubeObject } from '../registry/kube-object.ts'
import { prepareForCreate, prepareForUpdate, preparePart } from '../registry/prepare-object.ts'
import type { AdmissionRequest, Operation } from './admission.ts'

/** A write on its way through admission. */
export interface AdmittedWrite {
  readonly services: Pick<HandlerServices, 'admission'>
  readonly target: Target
  readonly author: Author
}

/** What admission is asked about one state of a write. */
export function admissionRequest(
  { target, author }: AdmittedWrite,
  operation: Operation,
  { object, current }: { object?: KubeObject | undefined; current?: KubeObject | undefined },
): AdmissionRequest {
  const { definition, namespace, part } = target
  const { user, dryRun, signal, warnings = [], annotations = new Map(), options = {} } = author
  return {
    operation,
    definition,
    namespace,
    name: target.name || (current?.metadata.name ?? object?.metadata.name ?? ''),
    subresource: part?.name ?? '',
    object,
    current,
    user,
    dryRun,
    options: optionsFor(operation, options),
    signal,
    warnings,
    annotations,
  }
}

/** A patch shows as an update, and whatever creates as a create. */
function optionsFor(operation: Operation, options: JsonObject): JsonObject {
  if (operation === 'CREATE') return { ...options, kind: 'CreateOptions' }
  return operation === 'UPDATE' ? { ...options, kind: 'UpdateOptions' } : options
}

/** A new object after all changes of plugins, complete again. `now` is a timestamp. */
export async function mutateNew(write: AdmittedWrite, object: KubeObject, now: string): Promise<KubeObject> {
  const mutated = await write.services.admission.mutate(admissionRequest(write, 'CREATE', { object }))
  if (mutated === undefined || mutated === object) return object
  const { target, author } = write
  const { definition, namespace } = target
  const { resourceVersion: _, ...metadata } = mutated.metadata
  const decoded = decodeObjectOfKind(definition, { ...mutated, metadata }).object
  const placed = matchUrl(definition, decoded, { namespace, name: target.name })
  const settled = prepareForCreate(definition, placed, { now, user: author.user })
  if (object.metadata.uid !== undefined) settled.metadata.uid = object.metadata.uid
  return withManagers(settled, object)
}

/** What is to replace `current` after all changes of plugins, with server-owned fields as before. */
export async function mutateReplacement(
  write: AdmittedWrite,
  object: KubeObject,
  current: KubeObject,
): Promise<KubeObject> {
  const request = admissionRequest(write, 'UPDATE', { object, current })
  const mutated = await write.services.admission.mutate(request)
  if (mutated === undefined || mutated === object) return object
  const { definition, part } = write.target
  const metadata = { ...mutated.metadata, resourceVersion: current.metadata.resourceVersion }
  const decoded = decodeObjectOfKind(definition, { ...mutated, metadata }).object
  const placed = matchUrl(definition, decoded, write.target)
  const settled = part
    ? preparePart(definition, part.subresource, placed, current)
    : prepareForUpdate(definition, placed, current)
  return withManagers(settled, object)
}

/** Who owns which field is the server's to say. */
function withManagers(object: KubeObject, { metadata }: KubeObject): KubeObject {
  const { managedFields: _, ...rest } = object.metadata
  return {
    ...object,
    metadata: { ...rest, ...(metadata.managedFields && { managedFields: metadata.managedFields }) },
  }
}

/** Throws what plugins have against the write as it is going to be stored. */
export async function validateWrite(
  write: AdmittedWrite,
  operation: Operation,
  state: { object?: KubeObject | undefined; current?: KubeObject | undefined },
): Promise<void> {
  await write.services.admission.validate(admissionRequest(write, operation, state))
}

/** Asks plugins about the deletion of one object. */
export async function admitDeletion(write: AdmittedWrite, current: KubeObject): Promise<void> {
  const request = admissionRequest(write, 'DELETE', { current })
  await write.services.admission.mutate(request)
  await write.services.admission.validate(request)
}
