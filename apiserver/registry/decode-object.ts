import { badRequest, type StatusError } from '../../apimachinery/status-error.ts'
import type { JsonObject } from '../../crds/meta/json.ts'
import { withoutEmptyFields } from './empty-fields.ts'
import type { KubeObject } from './kube-object.ts'
import { decodeMeta } from './object-meta-validation.ts'
import { apiVersionOf, type ResourceDefinition } from './resource-definition.ts'
import { metadataMismatch, typeMismatch } from './type-mismatch.ts'

export interface Decoded {
  /** In the served version, pruned and defaulted, with well-typed metadata. */
  readonly object: KubeObject
  /** Names of fields that the kind does not have, as paths. */
  readonly unknown: readonly string[]
}

/**
 * Turns a body into an object of the kind that the URL asks for. Throws BadRequest for another kind or version, and for
 * metadata of the wrong shape.
 */
export function decodeObjectOfKind(definition: ResourceDefinition, body: JsonObject): Decoded {
  const { object, unknown } = decodeWithoutDefaults(definition, body)
  const given = withoutEmptyFields(definition, object)
  return { object: definition.schema.applyDefaults(given), unknown }
}

/** As `decodeObjectOfKind`, leaving fields that were left out alone. */
export function decodeWithoutDefaults(definition: ResourceDefinition, body: JsonObject): Decoded {
  const expected = apiVersionOf(definition)
  const { apiVersion = expected, kind = definition.kind, metadata, ...fields } = body
  if (definition.custom && !body['kind']) {
    throw badRequest(`Object 'Kind' is missing in '${JSON.stringify(body).slice(0, 500)}'`)
  }
  if (apiVersion !== expected) {
    throw badRequest(
      `the API version in the data (${text(apiVersion)}) does not match the expected API version (${expected})`,
    )
  }
  if (kind !== definition.kind) {
    throw badRequest(
      `${text(kind)} in version ${JSON.stringify(definition.version)} cannot be handled as a ${definition.kind}: ` +
        `the kind in the data does not match the kind of the resource`,
    )
  }
  const { meta, unknown: unknownMeta, errors } = decodeMeta(metadata)
  const [wrong] = errors
  if (wrong) throw unreadable(definition, metadataMismatch(definition, metadata ?? null, wrong.field ?? ''))
  const pruned = definition.schema.prune({ apiVersion: expected, kind, metadata: meta, ...fields })
  refuseMismatch(definition, pruned.object)
  return { object: pruned.object, unknown: [...unknownMeta, ...pruned.unknown] }
}

/** Custom resources are validated against their schema instead, together with everything else. */
function refuseMismatch(definition: ResourceDefinition, object: KubeObject): void {
  if (definition.custom) return
  const problem = typeMismatch(definition, object)
  if (problem !== undefined) throw unreadable(definition, problem)
}

function unreadable({ kind, version }: ResourceDefinition, problem: string): StatusError {
  return badRequest(
    `${kind} in version ${JSON.stringify(version)} cannot be handled as a ${kind}: ${problem}`,
  )
}

const text = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value))
