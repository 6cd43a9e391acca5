/* The kinds that the cases apply: between them they have every way of merging that a schema can ask for. */

export const group = 'apply.example.org'

const text = { type: 'string' } as const
const struct = (properties: object, more: object = {}) => ({ type: 'object', properties, ...more })
const texts = (type: string) => ({ type: 'array', items: text, 'x-kubernetes-list-type': type })
const keyed = (keys: readonly string[], properties: object, required: readonly string[] = []) => ({
  type: 'array',
  'x-kubernetes-list-type': 'map',
  'x-kubernetes-list-map-keys': keys,
  items: { type: 'object', properties, required },
})

const spec = struct({
  text,
  other: text,
  number: { type: 'integer' },
  ratio: { type: 'number' },
  flag: { type: 'boolean' },
  nullable: { type: 'string', nullable: true },
  defaulted: { type: 'string', default: 'by the schema' },
  intOrString: { 'x-kubernetes-int-or-string': true },
  struct: struct({ a: text, b: text, inner: struct({ c: text, d: text }) }),
  atomicStruct: struct({ a: text, b: text }, { 'x-kubernetes-map-type': 'atomic' }),
  map: { type: 'object', additionalProperties: text },
  atomicMap: { type: 'object', additionalProperties: text, 'x-kubernetes-map-type': 'atomic' },
  mapOfStructs: { type: 'object', additionalProperties: struct({ a: text, b: text }) },
  atomicList: texts('atomic'),
  plainList: { type: 'array', items: text },
  listOfStructs: { type: 'array', items: struct({ a: text, b: text }) },
  set: texts('set'),
  numbers: { type: 'array', items: { type: 'integer' }, 'x-kubernetes-list-type': 'set' },
  items: keyed(
    ['name'],
    {
      name: text,
      value: text,
      other: text,
      tags: texts('set'),
      children: keyed(['id'], { id: { type: 'integer' }, value: text }, ['id']),
    },
    ['name'],
  ),
  ports: keyed(
    ['port', 'protocol'],
    { port: { type: 'integer' }, protocol: { type: 'string', default: 'TCP' }, name: text, host: text },
    ['port'],
  ),
  free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
  partlyFree: struct({ known: texts('set') }, { 'x-kubernetes-preserve-unknown-fields': true }),
})

const status = struct({
  phase: text,
  count: { type: 'integer' },
  conditions: keyed(['type'], { type: text, status: text, message: text }, ['type', 'status']),
})

const version = (name: string, { storage = false, withStatus = true }) => ({
  name,
  served: true,
  storage,
  schema: { openAPIV3Schema: struct({ spec, status }) },
  ...(withStatus && {
    subresources: {
      status: {},
      scale: { specReplicasPath: '.spec.number', statusReplicasPath: '.status.count' },
    },
  }),
})

const crd = (kind: string, plural: string, versions: readonly object[]) => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `${plural}.${group}` },
  spec: { group, scope: 'Namespaced', names: { plural, kind }, versions },
})

/** With a status subresource, in two versions that are alike. */
export const gizmoCrd = crd('Gizmo', 'gizmos', [version('v1', { storage: true }), version('v2', {})])

/** The same without a status subresource. */
export const plainCrd = crd('Plain', 'plains', [version('v1', { storage: true, withStatus: false })])

/** A kind whose only list is of `type`; the column tells which definition is in force. */
export function morphCrd(type: 'atomic' | 'set' | 'map', generation: number) {
  const field =
    type === 'map'
      ? keyed(['name'], { name: text, value: text }, ['name'])
      : {
          type: 'array',
          'x-kubernetes-list-type': type,
          items: type === 'set' ? text : struct({ name: text, value: text }),
        }
  const schema = { openAPIV3Schema: struct({ spec: struct({ list: field }) }) }
  const columns = [{ name: `Generation ${generation}`, type: 'string', jsonPath: '.metadata.name' }]
  return crd('Morph', 'morphs', [
    { name: 'v1', served: true, storage: true, schema, additionalPrinterColumns: columns },
  ])
}
