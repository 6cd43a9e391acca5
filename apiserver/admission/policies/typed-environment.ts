import type { Environment } from '@marcbachmann/cel-js'
import { isJsonObject, type Json, type JsonObject } from '../../../crds/meta/json.ts'
import type { ResourceDefinition } from '../../registry/resource-definition.ts'
import { celEnvironment } from '../../schema/cel/environment.ts'
import { CelTypes } from '../../schema/cel/types.ts'
import { readSchema } from '../../schema/schema-node.ts'
import { admissionEnvironment } from '../cel/expressions.ts'

const text = { type: 'string' }
const time = { type: 'string', format: 'date-time' }
const texts = { type: 'object', additionalProperties: text }
/** What may be anything, as far as types go. */
const anything = { 'x-kubernetes-int-or-string': true }

const metadata: JsonObject = {
  type: 'object',
  properties: {
    name: text,
    generateName: text,
    namespace: text,
    uid: text,
    resourceVersion: text,
    generation: { type: 'integer' },
    creationTimestamp: time,
    deletionTimestamp: time,
    deletionGracePeriodSeconds: { type: 'integer' },
    labels: texts,
    annotations: texts,
    finalizers: { type: 'array', items: text },
    ownerReferences: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          apiVersion: text,
          kind: text,
          name: text,
          uid: text,
          controller: { type: 'boolean' },
          blockOwnerDeletion: { type: 'boolean' },
        },
      },
    },
    managedFields: anything,
  },
}

/** An environment in which `object` and `params` have the types of their kinds, for finding fields that are not there. */
export function typedEnvironment(
  object: ResourceDefinition,
  params: ResourceDefinition | undefined,
  hasParams: boolean,
): Environment {
  const environment = celEnvironment()
  const types = new CelTypes(environment)
  const scope = { params: hasParams, namespaceObject: true }
  const typeOf = (definition: ResourceDefinition, variable: string) => {
    const name = types.typeOf(readSchema(wholeSchema(definition), '', []), `type.${variable}`, false)?.name
    // Objects may be missing, as `oldObject` is when something is created.
    if (name !== undefined) environment.registerOperator(`${name} == null`, () => false)
    return name ?? 'dyn'
  }
  return admissionEnvironment(
    {
      ...scope,
      types: { object: typeOf(object, 'object'), ...(params && { params: typeOf(params, 'params') }) },
    },
    environment,
  )
}

function wholeSchema({ openApiSchema }: ResourceDefinition): JsonObject {
  const own = loosened(openApiSchema['properties'])
  return {
    type: 'object',
    properties: { ...(isJsonObject(own) && own), apiVersion: text, kind: text, metadata },
  }
}

/** Where unknown fields are kept, expressions may name any. */
function loosened(schema: Json | undefined): Json | undefined {
  if (Array.isArray(schema)) return schema.map((item) => loosened(item) ?? null)
  if (!isJsonObject(schema)) return schema
  if (schema['x-kubernetes-preserve-unknown-fields'] === true) return anything
  return Object.fromEntries(Object.entries(schema).map(([name, value]) => [name, loosened(value)]))
}
