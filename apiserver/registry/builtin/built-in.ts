import { isJsonObject, type JsonObject } from '../../../crds/meta/json.ts'
import { keepField } from '../prepare-object.ts'
import type { KubeObject } from '../kube-object.ts'
import { objectSchema } from '../object-schema.ts'
import {
  allVerbs,
  apiVersionOf,
  type PartSubresource,
  type ResourceDefinition,
  type StoredForm,
} from '../resource-definition.ts'
import { strategy, type Strategy } from '../strategy.ts'

/** What has to be said about a built-in kind; the rest follows from it. */
export interface BuiltIn {
  readonly group?: string
  readonly version?: string
  readonly kind: string
  readonly plural: string
  readonly shortNames?: readonly string[]
  readonly categories?: readonly string[]
  readonly namespaced: boolean
  /** Default: all of them. */
  readonly verbs?: ResourceDefinition['verbs']
  readonly schema: JsonObject
  readonly strategy?: Partial<Strategy>
  readonly subresources?: ResourceDefinition['subresources']
  readonly stored?: Partial<StoredForm>
  readonly selectableFields?: ResourceDefinition['selectableFields']
}

/** Throws when the kind's own schema is not structural, which is a mistake in this program. */
export function builtIn(kind: BuiltIn): ResourceDefinition {
  const { group = '', version = 'v1', plural } = kind
  const { schema, errors } = objectSchema(kind.schema, kind.kind)
  if (!schema) throw new Error(`schema of ${kind.kind}: ${JSON.stringify(errors)}`)
  return {
    group,
    version,
    kind: kind.kind,
    listKind: `${kind.kind}List`,
    plural,
    singular: kind.kind.toLowerCase(),
    shortNames: kind.shortNames ?? [],
    categories: kind.categories ?? [],
    namespaced: kind.namespaced,
    verbs: kind.verbs ?? allVerbs,
    stored: { prefix: `/registry/${plural}/`, apiVersion: apiVersionOf({ group, version }), ...kind.stored },
    schema,
    openApiSchema: published(kind.schema),
    strategy: strategy(kind.strategy),
    subresources: kind.subresources ?? {},
    columns: undefined,
    selectableFields: kind.selectableFields ?? {},
    custom: false,
  }
}

/** Times may be null here, but clients that check by the schema shall see what they are. */
function published(schema: JsonObject): JsonObject {
  const result: JsonObject = {}
  for (const [key, value] of Object.entries(schema)) {
    if (key === 'nullable' && value === true) continue
    result[key] = isJsonObject(value) ? published(value) : (value ?? null)
  }
  return result
}

/** `/status` as most kinds have it: everything but the status stays as it is. */
export const statusPart: PartSubresource = {
  type: 'part',
  merge(next, current): KubeObject {
    const merged = { ...current }
    keepField(merged, next, 'status')
    return merged
  },
}
