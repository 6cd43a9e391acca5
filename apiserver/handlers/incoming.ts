import { badRequest } from '../../apimachinery/status-error.ts'
import type { JsonObject } from '../../crds/meta/json.ts'
import { readBody } from '../http/body.ts'
import { decodeObject } from '../http/decode-body.ts'
import type { RequestContext } from '../http/exchange.ts'
import { decodeObjectOfKind } from '../registry/decode-object.ts'
import type { KubeObject } from '../registry/kube-object.ts'
import type { ResourceDefinition } from '../registry/resource-definition.ts'
import type { FieldValidation } from './query-options.ts'

/** Reads the object in a request body, pruned and defaulted. Throws BadRequest on unknown fields under Strict. */
export async function readObject(
  definition: ResourceDefinition,
  context: RequestContext,
  fieldValidation: FieldValidation,
): Promise<KubeObject> {
  const bytes = await readBody(context.request, context.signal)
  const { object: body, duplicates } = await decodeObject(
    bytes,
    context.request.headers['content-type'],
    context.signal,
  )
  context.audit?.requested(body)
  const { object, unknown } = decodeObjectOfKind(definition, body)
  const problems = strictProblems(unknown, duplicates)
  if (problems.length > 0 && fieldValidation === 'Strict') {
    const { kind, version } = definition
    throw badRequest(
      `${kind} in version ${JSON.stringify(version)} cannot be handled as a ${kind}: ${strictText(problems)}`,
    )
  }
  if (fieldValidation === 'Warn') context.warnings.push(...problems)
  return object
}

/** The body as plain JSON, for review kinds and options; an empty body is an empty object. */
export async function readJson(context: RequestContext): Promise<JsonObject> {
  const bytes = await readBody(context.request, context.signal)
  if (bytes.length === 0) return {}
  const { object } = await decodeObject(bytes, context.request.headers['content-type'], context.signal)
  context.audit?.requested(object)
  return object
}

export function strictProblems(unknown: readonly string[], duplicates: readonly string[]): string[] {
  return [
    ...unknown.map((field) => `unknown field ${JSON.stringify(field)}`),
    ...duplicates.map((field) => `duplicate field ${JSON.stringify(field)}`),
  ]
}

export function strictText(problems: readonly string[]): string {
  return `strict decoding error: ${problems.join(', ')}`
}

/** Checks that what shall replace an object still says which one it is. Throws BadRequest. */
export function checkNamed({ metadata }: KubeObject, name: string): void {
  if (metadata.name) return
  throw badRequest(`the name of the object (${name} based on URL) was undeterminable: name must be provided`)
}

/** Checks that the object is the one that the URL names, and fills in what it leaves out. Throws BadRequest. */
export function matchUrl(
  definition: ResourceDefinition,
  object: KubeObject,
  { namespace, name }: { namespace: string; name: string },
): KubeObject {
  const metadata = { ...object.metadata }
  if (definition.namespaced) {
    if (metadata.namespace && metadata.namespace !== namespace) {
      throw badRequest(
        'the namespace of the provided object does not match the namespace sent on the request',
      )
    }
    metadata.namespace = namespace
  }
  if (name !== '') {
    if (metadata.name && metadata.name !== name) {
      throw badRequest(
        `the name of the object (${metadata.name}) does not match the name on the URL (${name})`,
      )
    }
    metadata.name = name
  }
  return { ...object, metadata }
}
