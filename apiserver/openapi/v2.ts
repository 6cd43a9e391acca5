import { isJsonObject, type Json, type JsonObject } from '../../crds/meta/json.ts'
import { kindSchemas } from './kind-schemas.ts'
import { metaSchemas, scaleName, scaleSchema } from './meta-schemas.ts'
import type { OpenApiGroupVersion } from './resource.ts'
import { pathItems } from './v3.ts'
import { schemaV2 } from './v2-schema.ts'

export { openApiV2Protobuf, openApiV2ProtobufType } from './v2-protobuf.ts'

/** The OpenAPI v2 document of all groups and versions together: for clients that do not know v3. */
export function openApiV2(groupVersions: readonly OpenApiGroupVersion[]): JsonObject {
  const schemas: JsonObject = { ...metaSchemas, [scaleName]: scaleSchema }
  const paths: JsonObject = {}
  for (const groupVersion of groupVersions) {
    for (const resource of groupVersion.resources) Object.assign(schemas, kindSchemas(groupVersion, resource))
    for (const [path, item] of members(pathItems(groupVersion))) paths[path] = pathItemV2(item)
  }
  const definitions = members(schemas).map(([name, schema]): [string, JsonObject] => [name, schemaV2(schema)])
  return {
    swagger: '2.0',
    info: { title: 'Kubernetes', version: 'v1.36.0' },
    paths: sorted(Object.entries(paths)),
    definitions: sorted(definitions),
  }
}

function members(object: Json | undefined): [string, JsonObject][] {
  if (!isJsonObject(object)) return []
  return Object.entries(object).filter((entry): entry is [string, JsonObject] => isJsonObject(entry[1]))
}

function objects(list: Json | undefined): JsonObject[] {
  return Array.isArray(list) ? list.filter(isJsonObject) : []
}

function sorted(entries: [string, Json | undefined][]): JsonObject {
  return Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

function pathItemV2(item: JsonObject): JsonObject {
  const result: JsonObject = {}
  for (const [method, operation] of members(item)) result[method] = operationV2(operation)
  const shared = objects(item['parameters']).map(parameterV2)
  if (shared.length > 0) result['parameters'] = shared
  return result
}

function operationV2(operation: JsonObject): JsonObject {
  const { parameters, requestBody, responses, ...rest } = operation
  const body = isJsonObject(requestBody) ? requestBody : undefined
  const own = [...(body === undefined ? [] : [bodyParameter(body)]), ...objects(parameters).map(parameterV2)]
  const types = members(responses).flatMap(([, { content }]) => members(content).map(([type]) => type))
  return {
    ...rest,
    consumes: body === undefined ? ['*/*'] : members(body['content']).map(([type]) => type),
    produces: [...new Set(types)],
    ...(own.length > 0 && { parameters: own }),
    responses: Object.fromEntries(members(responses).map(([code, answer]) => [code, responseV2(answer)])),
  }
}

function bodyParameter({ required, content }: JsonObject): JsonObject {
  const isRequired = required === true
  return { name: 'body', in: 'body', ...(isRequired && { required: true }), ...contentSchema(content) }
}

function responseV2({ description, content }: JsonObject): JsonObject {
  return { description: description ?? '', ...contentSchema(content) }
}

/** The schema is the same for all types of content. */
function contentSchema(content: Json | undefined): JsonObject {
  const schema = members(content)[0]?.[1]['schema']
  return isJsonObject(schema) ? { schema: schemaV2(schema) } : {}
}

/** In v2 the schema of a parameter is part of the parameter. */
function parameterV2({ schema, ...rest }: JsonObject): JsonObject {
  return isJsonObject(schema) ? { ...rest, ...schema } : rest
}
