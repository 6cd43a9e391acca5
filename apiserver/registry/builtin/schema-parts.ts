import type { JsonObject } from '../../../crds/meta/json.ts'

/* Small words for writing the schemas of the built-in kinds. */

type Extra = JsonObject

export const text = (description: string, extra: Extra = {}): JsonObject => ({
  type: 'string',
  description,
  ...extra,
})

export const integer = (description: string, extra: Extra = {}): JsonObject => ({
  type: 'integer',
  format: 'int32',
  description,
  ...extra,
})

export const bool = (description: string): JsonObject => ({ type: 'boolean', description })

export const time = (description: string): JsonObject => ({
  type: 'string',
  format: 'date-time',
  description,
  nullable: true,
})

export const bytes = (description: string): JsonObject => ({ type: 'string', format: 'byte', description })

export const quantity = (description: string): JsonObject => ({
  'x-kubernetes-int-or-string': true,
  anyOf: [{ type: 'integer' }, { type: 'string' }],
  description,
})

export const map = (description: string, values: JsonObject): JsonObject => ({
  type: 'object',
  description,
  additionalProperties: values,
})

export const object = (
  description: string,
  properties: JsonObject,
  required: readonly string[] = [],
): JsonObject => ({
  type: 'object',
  description,
  properties,
  ...(required.length > 0 && { required: [...required] }),
})

/** A struct that is one value for server-side apply. */
export const atomicObject = (
  description: string,
  properties: JsonObject,
  required: readonly string[] = [],
) => ({
  ...object(description, properties, required),
  'x-kubernetes-map-type': 'atomic',
})

export const list = (description: string, items: JsonObject): JsonObject => ({
  type: 'array',
  description,
  items,
  'x-kubernetes-list-type': 'atomic',
})

export const setOf = (description: string, items: JsonObject): JsonObject => ({
  type: 'array',
  description,
  items,
  'x-kubernetes-list-type': 'set',
})

export const keyedList = (description: string, keys: readonly string[], items: JsonObject): JsonObject => ({
  type: 'array',
  description,
  items,
  'x-kubernetes-list-type': 'map',
  'x-kubernetes-list-map-keys': [...keys],
})

export const strings = (description: string): JsonObject => list(description, { type: 'string' })

export const anything = (description: string): JsonObject => ({
  type: 'object',
  description,
  'x-kubernetes-preserve-unknown-fields': true,
})

/** The schema of a whole kind. */
export function kindSchema(
  description: string,
  properties: JsonObject,
  required: readonly string[] = [],
): JsonObject {
  return object(
    description,
    {
      apiVersion: text('The versioned schema of this representation of the object.'),
      kind: text('The REST resource that this object represents.'),
      metadata: { type: 'object' },
      ...properties,
    },
    required,
  )
}

export const conditionList = (description: string): JsonObject =>
  keyedList(
    description,
    ['type'],
    object(
      'One aspect of the state.',
      {
        type: text('What the condition is about.'),
        status: text('True, False or Unknown.'),
        reason: text('One CamelCase word for the last transition.'),
        message: text('Details for people.'),
        lastTransitionTime: time('When the status changed last.'),
        lastUpdateTime: time('When the condition was written last.'),
        observedGeneration: integer('The generation that the condition answers.', { format: 'int64' }),
      },
      ['type', 'status'],
    ),
  )

export const objectReference = (description: string): JsonObject =>
  atomicObject(description, {
    kind: text('Kind of the object.'),
    namespace: text('Namespace of the object.'),
    name: text('Name of the object.'),
    uid: text('UID of the object.'),
    apiVersion: text('API version of the object.'),
    resourceVersion: text('Version of the object that is meant.'),
    fieldPath: text('The part of the object that is meant.'),
  })
