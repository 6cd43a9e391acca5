import { randomUUID } from 'node:crypto'
import type { ApiResource } from '../../../apimachinery/client/client.ts'
import { type Clock, timestamp } from '../../../apimachinery/clock.ts'
import { jsonEqual } from '../../../apimachinery/patch/json-equal.ts'
import { badRequest, conflict, invalid, type StatusCause } from '../../../apimachinery/status-error.ts'
import type { KindDefinition } from '../../../crds/meta/define-kind.ts'
import type { Json } from '../../../crds/meta/json.ts'
import type { KubeObject, ObjectMeta } from '../../../crds/meta/object-meta.ts'
import { kinds } from '../../../crds/kinds.ts'
import type { Item } from './object-store.ts'

/** What the API server does to an object between request and storage. */

type Halves = KubeObject & { spec?: unknown; status?: unknown }

const withoutStatus = new Set(['leases', 'events', 'configmaps', 'secrets', 'serviceaccounts'])
const withoutGeneration = new Set([...withoutStatus, 'namespaces'])

export const refOf = (resource: ApiResource) => ({ group: resource.group, resource: resource.plural })

export function kindOf(resource: ApiResource): KindDefinition | undefined {
  return kinds.find(({ group, plural }) => group === resource.group && plural === resource.plural)
}

export const hasStatus = (resource: ApiResource) => !withoutStatus.has(resource.plural)

export function prepareCreate(resource: ApiResource, object: KubeObject, clock: Clock): Item {
  const halves = { ...object } as Halves
  if (halves.metadata.resourceVersion)
    throw badRequest('resourceVersion should not be set on objects to be created')
  if (hasStatus(resource)) delete halves.status
  const name = halves.metadata.name || generatedName(halves.metadata)
  const metadata = {
    ...withoutSystemFields(halves.metadata),
    name,
    uid: randomUUID(),
    resourceVersion: '0',
    creationTimestamp: timestamp(clock),
    ...(!withoutGeneration.has(resource.plural) && { generation: 1 }),
  }
  return validated(resource, { ...halves, metadata }) as Item
}

function generatedName({ generateName }: ObjectMeta): string {
  return generateName ? generateName + randomUUID().slice(0, 5) : ''
}

function withoutSystemFields(metadata: ObjectMeta): ObjectMeta {
  const {
    deletionTimestamp: _time,
    deletionGracePeriodSeconds: _grace,
    managedFields: _fields,
    ...rest
  } = metadata
  return rest
}

/** The object to store instead of `current`; `current` itself when nothing changes. */
export function prepareUpdate(
  resource: ApiResource,
  current: Item,
  next: KubeObject,
  subresource: 'status' | undefined,
): Item {
  checkPreconditions(resource, current, next.metadata)
  const halves = next as Halves
  const before = current as Halves
  const { spec: _spec, status: _status, metadata: _metadata, ...currentRest } = before
  const { status: nextStatus, metadata: _nextMetadata, ...nextRest } = halves
  const merged: Halves =
    subresource === 'status'
      ? {
          ...currentRest,
          metadata: current.metadata,
          ...pick('spec', before.spec),
          ...pick('status', nextStatus),
        }
      : {
          ...nextRest,
          metadata: updatedMetadata(current, next.metadata),
          ...pick('status', hasStatus(resource) ? before.status : nextStatus),
        }
  if (subresource === undefined) refuseNewFinalizers(resource, current, next)
  const result = validated(resource, merged)
  if (jsonEqual(result as unknown as Json, current as unknown as Json)) return current
  return bumpGeneration(current, result)
}

const pick = (key: string, value: unknown) => (value === undefined ? {} : { [key]: value })

function updatedMetadata(current: Item, next: ObjectMeta): ObjectMeta {
  const {
    uid,
    resourceVersion,
    creationTimestamp,
    generation,
    deletionTimestamp,
    deletionGracePeriodSeconds,
    name,
  } = current.metadata
  const result: ObjectMeta = { ...next, name, uid, resourceVersion, creationTimestamp }
  for (const [key, value] of Object.entries({ generation, deletionTimestamp, deletionGracePeriodSeconds })) {
    if (value === undefined) delete result[key as 'generation']
    else Object.assign(result, { [key]: value })
  }
  if (current.metadata.namespace !== undefined) result.namespace = current.metadata.namespace
  // An empty list and no list are the same to a watcher; keep one form.
  if (result.finalizers?.length === 0) delete result.finalizers
  return result
}

function bumpGeneration(current: Item, next: KubeObject): Item {
  const specOnly = ({ metadata: _metadata, status: _status, ...rest }: Halves) => rest as unknown as Json
  const same = jsonEqual(specOnly(current), specOnly(next))
  const { generation } = current.metadata
  if (same || generation === undefined) return next as Item
  return { ...next, metadata: { ...next.metadata, generation: generation + 1 } } as Item
}

export function checkPreconditions(
  resource: ApiResource,
  current: Item,
  wanted: { readonly uid?: string; readonly resourceVersion?: string },
): void {
  const { name, uid, resourceVersion } = current.metadata
  if (wanted.uid !== undefined && wanted.uid !== uid) {
    const why = `Precondition failed: UID in precondition: ${wanted.uid}, UID in object meta: ${uid}`
    throw conflict(refOf(resource), name, why)
  }
  if (wanted.resourceVersion && wanted.resourceVersion !== resourceVersion) {
    const why = 'the object has been modified; please apply your changes to the latest version and try again'
    throw conflict(refOf(resource), name, why)
  }
}

function refuseNewFinalizers(resource: ApiResource, current: Item, next: KubeObject): void {
  if (current.metadata.deletionTimestamp === undefined) return
  const added = (next.metadata.finalizers ?? []).filter((one) => !current.metadata.finalizers?.includes(one))
  if (added.length === 0) return
  const message = `Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{${added.map((one) => JSON.stringify(one)).join(', ')}}`
  throw invalid(resource, current.metadata.name, [
    { reason: 'FieldValueForbidden', message, field: 'metadata.finalizers' },
  ])
}

/** Checks name, spec and status, fills in defaults and drops what the schema does not know. */
function validated(resource: ApiResource, object: Halves): Halves {
  const { name } = object.metadata
  if (!/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(name) || name.length > 253) {
    const message =
      name === '' ? 'Required value: name or generateName is required' : `Invalid value: "${name}"`
    throw invalid(resource, name, [{ reason: 'FieldValueInvalid', message, field: 'metadata.name' }])
  }
  const kind = kindOf(resource)
  if (kind === undefined) return object
  const result = { ...object }
  const causes: StatusCause[] = []
  for (const half of ['spec', 'status'] as const) {
    if (half === 'status' && object.status === undefined) continue
    const parsed = kind[half].safeParse(object[half])
    if (parsed.success) result[half] = parsed.data
    else {
      for (const { path, message } of parsed.error.issues) {
        causes.push({
          reason: 'FieldValueInvalid',
          message: `Invalid value: ${message}`,
          field: fieldPath(half, path),
        })
      }
    }
  }
  if (causes.length > 0) throw invalid(resource, name, causes)
  return result
}

function fieldPath(half: string, path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (text, part) => (typeof part === 'number' ? `${text}[${part}]` : `${text}.${String(part)}`),
    half,
  )
}
