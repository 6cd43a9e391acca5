import { apply, type ApplyRequest } from '../../../../apiserver/managed-fields/apply.ts'
import { updateManagedFields } from '../../../../apiserver/managed-fields/update.ts'
import { compileSchema, type CompiledSchema } from '../../../../apiserver/schema/structural.ts'
import { isJsonObject, type JsonObject } from '../../../../crds/meta/json.ts'

export const apiVersion = 'kvorum.dev/v1alpha1'
const scalar = { type: 'string' }
const namedList = (items: JsonObject, keys = ['name']) => ({
  type: 'array',
  'x-kubernetes-list-type': 'map',
  'x-kubernetes-list-map-keys': keys,
  items,
})

export const schema = compiled({
  type: 'object',
  properties: {
    spec: {
      type: 'object',
      properties: {
        a: scalar,
        b: scalar,
        size: { type: 'integer', default: 1 },
        labels: { type: 'object', additionalProperties: scalar },
        atomicMap: { type: 'object', 'x-kubernetes-map-type': 'atomic', additionalProperties: scalar },
        atomicList: { type: 'array', items: scalar },
        set: { type: 'array', 'x-kubernetes-list-type': 'set', items: scalar },
        nics: namedList({
          type: 'object',
          required: ['name'],
          properties: { name: scalar, mac: scalar, mtu: { type: 'integer', default: 1500 } },
        }),
        ports: namedList(
          {
            type: 'object',
            required: ['port'],
            properties: {
              port: { type: 'integer' },
              protocol: { type: 'string', default: 'TCP' },
              target: scalar,
            },
          },
          ['port', 'protocol'],
        ),
        nested: { type: 'object', properties: { x: scalar, y: scalar } },
      },
    },
    status: { type: 'object', properties: { phase: scalar } },
  },
})

function compiled(json: JsonObject): CompiledSchema {
  const { schema: result, errors } = compileSchema(json)
  if (result === undefined) throw new Error(JSON.stringify(errors))
  return result
}

export const at = (second: number) => `2026-01-01T00:00:${String(second).padStart(2, '0')}Z`
export const vm = (spec: JsonObject, more: JsonObject = {}): JsonObject => ({
  apiVersion,
  kind: 'VM',
  metadata: { name: 'x', namespace: 'ns' },
  spec,
  ...more,
})

let clock = 0
export function ssa(
  live: JsonObject | undefined,
  applied: JsonObject,
  manager: string,
  more: Partial<ApplyRequest> = {},
): JsonObject {
  clock += 1
  return apply({ live, applied, manager, force: false, schema, apiVersion, time: at(clock % 60), ...more })
    .object
}

export function put(
  old: JsonObject | undefined,
  next: JsonObject,
  manager: string,
  more: Partial<ApplyRequest> = {},
): JsonObject {
  clock += 1
  return updateManagedFields({ old, new: next, manager, schema, apiVersion, time: at(clock % 60), ...more })
}

export const specOf = (object: JsonObject) => object['spec']
export const entriesOf = (object: JsonObject): JsonObject[] => {
  const metadata = object['metadata']
  return isJsonObject(metadata) && Array.isArray(metadata['managedFields'])
    ? (metadata['managedFields'] as JsonObject[])
    : []
}
export const owned = (object: JsonObject, manager: string) =>
  entriesOf(object).find((entry) => entry['manager'] === manager)?.['fieldsV1']
export const withSpec = (object: JsonObject, spec: JsonObject): JsonObject => ({
  ...object,
  spec: { ...(object['spec'] as JsonObject), ...spec },
})

/** A configuration that says nothing but which object it is about. */
export const bare: JsonObject = { apiVersion, kind: 'VM', metadata: { name: 'x', namespace: 'ns' } }
