import { StatusError } from '../../apimachinery/status-error.ts'
import type { JsonObject } from '../../crds/meta/json.ts'
import type { UserInfo } from '../http/exchange.ts'
import type { KubeObject } from '../registry/kube-object.ts'
import type { ResourceDefinition } from '../registry/resource-definition.ts'
import type { AdmissionRequest } from './admission.ts'

export interface GroupVersionKind extends JsonObject {
  group: string
  version: string
  kind: string
}

export interface GroupVersionResource extends JsonObject {
  group: string
  version: string
  resource: string
}

/** The kind of what is written, which for `scale` and the like is not that of the resource. */
export function kindOfRequest({ object, current, definition }: AdmissionRequest): GroupVersionKind {
  const shown = object ?? current
  if (shown === undefined) {
    return { group: definition.group, version: definition.version, kind: definition.kind }
  }
  const slash = shown.apiVersion.indexOf('/')
  return {
    group: slash < 0 ? '' : shown.apiVersion.slice(0, slash),
    version: shown.apiVersion.slice(slash + 1),
    kind: shown.kind,
  }
}

export function resourceOf({ group, version, plural }: ResourceDefinition): GroupVersionResource {
  return { group, version, resource: plural }
}

export function isNamespaces({ group, plural }: ResourceDefinition): boolean {
  return group === '' && plural === 'namespaces'
}

/** As webhooks and policies see it: a namespace is in itself. */
export function namespaceOf({ definition, namespace, name, object }: AdmissionRequest): string {
  return isNamespaces(definition) ? name || (object?.metadata.name ?? '') : namespace
}

const registration = 'admissionregistration.k8s.io'

/** What configures admission is not subject to what it configures: a mistake could not be undone otherwise. */
export function configuresAdmission({ group }: ResourceDefinition): boolean {
  return group === registration
}

/** `AdmissionRequest` without uid, object and oldObject: the same for webhooks and for CEL. */
export function requestFields(request: AdmissionRequest, shown: Shown): JsonObject {
  const { definition, subresource, name, operation, user, dryRun, options } = request
  const namespace = namespaceOf(request)
  return {
    kind: shown.kind,
    resource: shown.resource,
    ...(subresource && { subResource: subresource }),
    requestKind: kindOfRequest(request),
    requestResource: resourceOf(definition),
    ...(subresource && { requestSubResource: subresource }),
    ...(name && { name }),
    ...(namespace && { namespace }),
    operation,
    userInfo: userFields(user),
    dryRun,
    options: Object.keys(options).length > 0 ? options : null,
  }
}

/** In which version a webhook or policy is shown a request. */
export interface Shown {
  readonly kind: GroupVersionKind
  readonly resource: GroupVersionResource
  readonly definition: ResourceDefinition
}

export function userFields(user: UserInfo | undefined): JsonObject {
  if (user === undefined) return {}
  const extra: JsonObject = {}
  for (const [key, values] of Object.entries(user.extra ?? {})) extra[key] = [...values]
  return {
    username: user.name,
    ...(user.uid && { uid: user.uid }),
    groups: [...user.groups],
    ...(Object.keys(extra).length > 0 && { extra }),
  }
}

/** An object in another version of the same resource. Throws what a conversion webhook throws. */
export async function inVersion(
  from: ResourceDefinition,
  to: ResourceDefinition,
  object: KubeObject,
): Promise<KubeObject> {
  if (from === to) return object
  const converted = (await from.stored.conversion?.toStored(object)) ?? object
  const stored = from.stored.encode?.(converted) ?? converted
  if (to.stored.conversion?.concerns(stored)) {
    return (await to.stored.conversion.toServed([stored]))[0] ?? stored
  }
  return to.stored.decode?.(stored) ?? stored
}

/** Kubernetes' words for a write that a plugin refuses. */
export function forbiddenByAdmission(request: AdmissionRequest, why: string): StatusError {
  const { group, plural } = request.definition
  const metadata = request.object?.metadata
  const name = request.name || metadata?.name || metadata?.generateName || 'Unknown'
  const resource = group === '' ? plural : `${plural}.${group}`
  return new StatusError('Forbidden', `${resource} ${JSON.stringify(name)} is forbidden: ${why}`, {
    details: { name, ...(group && { group }), kind: plural },
  })
}
