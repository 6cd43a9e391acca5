import { isJsonObject, type Json, type JsonObject } from '../../crds/meta/json.ts'
import { apiVersionSchema, kindSchema, metadataSchema } from './meta-schemas.ts'
import type { OpenApiAction, OpenApiGroupVersion, OpenApiResource } from './resource.ts'
import { metaPackage, schemaName, schemaRef } from './schema-names.ts'

/** The schemas of a kind and of its list, by name. */
export function kindSchemas(
  { group, version }: Pick<OpenApiGroupVersion, 'group' | 'version'>,
  resource: OpenApiResource,
): Record<string, JsonObject> {
  const { kind, listKind, actions = {} } = resource
  const name = schemaName(group, version, kind)
  return {
    [name]: objectSchema(resource.schema, { group, kind, version }),
    [schemaName(group, version, listKind)]: {
      type: 'object',
      description: `${listKind} is a list of ${kind}.`,
      required: ['items'],
      properties: {
        apiVersion: apiVersionSchema,
        items: { type: 'array', description: `The objects of kind ${kind}.`, items: schemaRef(name) },
        kind: kindSchema,
        metadata: {
          description: 'Standard metadata of a list.',
          allOf: [schemaRef(`${metaPackage}.ListMeta`)],
        },
      },
      'x-kubernetes-group-version-kind': [{ group, kind: listKind, version }],
    },
    ...Object.fromEntries(Object.values(actions).map(actionSchema)),
  }
}

function actionSchema({ group, version, kind, schema }: OpenApiAction): [string, JsonObject] {
  return [schemaName(group, version, kind), objectSchema(schema, { group, kind, version })]
}

function objectSchema(schema: JsonObject, gvk: JsonObject): JsonObject {
  return {
    ...embedded(schema),
    type: 'object',
    properties: {
      ...memberSchemas(schema['properties']),
      apiVersion: apiVersionSchema,
      kind: kindSchema,
      metadata: metadataSchema,
    },
    'x-kubernetes-group-version-kind': [gvk],
  }
}

/** Objects embedded in others have the implicit fields of objects too. */
function embedded(schema: JsonObject): JsonObject {
  const result: JsonObject = { ...schema }
  if (schema['properties'] !== undefined) result['properties'] = memberSchemas(schema['properties'])
  if (isJsonObject(schema['items'])) result['items'] = embedded(schema['items'])
  if (isJsonObject(schema['additionalProperties'])) {
    result['additionalProperties'] = embedded(schema['additionalProperties'])
  }
  if (schema['x-kubernetes-embedded-resource'] !== true) return result
  return {
    ...result,
    properties: {
      ...memberSchemas(schema['properties']),
      apiVersion: apiVersionSchema,
      kind: kindSchema,
      metadata: metadataSchema,
    },
  }
}

function memberSchemas(properties: Json | undefined): JsonObject {
  if (!isJsonObject(properties)) return {}
  return Object.fromEntries(
    Object.entries(properties).map(([name, schema]) => [
      name,
      isJsonObject(schema) ? embedded(schema) : schema,
    ]),
  )
}
