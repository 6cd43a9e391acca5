import { isJsonObject, type Json } from '../../crds/meta/json.ts'
import { objectAt, type KubeObject } from '../registry/kube-object.ts'

/** An object as the graph knows it: `disks/default/root`, `storagedomains//nfs`. */
export type Vertex = string

export function vertex(resource: string, namespace: string, name: string): Vertex {
  return `${resource}/${namespace}/${name}`
}

// The kind that a field names, by the end of the field's name: `disk`, `caBundleConfigMap`, `passwordSecretRef`.
const kinds: readonly (readonly [RegExp, string])[] = [
  [/secret(ref)?$/i, 'secrets'],
  [/configmap(ref)?$/i, 'configmaps'],
  [/^disk(ref)?$/i, 'disks'],
  [/^image(ref)?$/i, 'images'],
]

/**
 * What the spec of an object refers to: fields that hold `{name}` and are called after a kind. A namespaced object
 * reaches its own namespace alone, whatever it says: a reference must not open to its author's host what its author
 * cannot read. Only what lies in no namespace, and so is written by administrators, may name one.
 */
export function referencesOf(object: KubeObject): Vertex[] {
  const { namespace = '' } = object.metadata
  const found = new Set<Vertex>()
  collect(objectAt(object, 'spec'), namespace, found)
  return [...found]
}

function collect(value: Json | undefined, namespace: string, found: Set<Vertex>): void {
  if (Array.isArray(value)) {
    for (const item of value) collect(item, namespace, found)
    return
  }
  if (!isJsonObject(value)) return
  for (const [field, inner] of Object.entries(value)) {
    if (isJsonObject(inner) && typeof inner['name'] === 'string') {
      const resource = kinds.find(([pattern]) => pattern.test(field))?.[1]
      const stated = typeof inner['namespace'] === 'string' ? inner['namespace'] : ''
      const where = namespace === '' ? stated : namespace
      if (resource !== undefined && where !== '') found.add(vertex(resource, where, inner['name']))
    }
    collect(inner, namespace, found)
  }
}
