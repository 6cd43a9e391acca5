import { badRequest } from '../../apimachinery/status-error.ts'
import { isJsonObject, type Json, type JsonObject } from '../../crds/meta/json.ts'
import { pathText, type PathStep } from './field-path.ts'
import { pruneMetadata } from './object-meta.ts'
import type { SchemaNode } from './schema-node.ts'

interface PruneRun {
  readonly unknown: string[]
  readonly path: PathStep[]
}

/** Returns the value itself when there was nothing to drop, otherwise a copy that shares what it kept. */
type Prune = (value: Json, run: PruneRun) => Json

export interface Pruned {
  /** The object itself when nothing was dropped. */
  readonly object: JsonObject
  /** What was dropped, sorted: `spec.foo`, `spec.disks[0].bar`. */
  readonly unknownFields: string[]
}

/** As deep as kube-apiserver lets JSON nest; only parts without a schema can come near it. */
const maxDepth = 10_000
// Well within the stack for the recursive functions that handle objects (JSON.stringify among them).
const safeDepth = 1_000

/**
 * Compiles the dropping of fields that a schema does not know. At the root, and in embedded resources, `apiVersion`,
 * `kind` and the fields of `metadata` are known. Throws a BadRequest StatusError when free-form parts nest too deep.
 */
export function compilePrune(root: SchemaNode): (object: JsonObject) => Pruned {
  const prune = compile({ ...root, embeddedResource: true })
  return (object) => {
    const run: PruneRun = { unknown: [], path: [] }
    const pruned = prune(object, run) as JsonObject
    if (run.unknown.length > 1) run.unknown.sort()
    return { object: pruned, unknownFields: run.unknown }
  }
}

function compile(node: SchemaNode): Prune {
  const object = compileObject(node)
  const list = compileList(node)
  return (value, run) => {
    if (typeof value !== 'object' || value === null) return value
    return Array.isArray(value) ? list(value, run) : object(value, run)
  }
}

function compileObject(node: SchemaNode): Prune {
  const member = compileMember(node)
  return (value, run) => {
    const object = value as JsonObject
    let result = object
    for (const key in object) {
      const current = object[key]
      if (current === undefined) continue
      run.path.push(key)
      const kept = member(key, current, run)
      run.path.pop()
      if (kept === current) continue
      if (result === object) result = { ...object }
      if (kept === undefined) delete result[key]
      else result[key] = kept
    }
    return result
  }
}

function compileMember(node: SchemaNode): (key: string, value: Json, run: PruneRun) => Json | undefined {
  const properties = new Map<string, Prune>()
  for (const [key, schema] of node.properties) properties.set(key, compile(schema))
  const additional = compileAdditional(node)
  if (node.embeddedResource) {
    // Implicit in every object, whatever the schema says of them.
    properties.set('apiVersion', keep)
    properties.set('kind', keep)
    properties.set('metadata', (value, run) => pruneMetadata(value, run.path, run.unknown))
  }
  return (key, value, run) => {
    const prune = properties.get(key) ?? additional
    if (prune !== undefined) return prune(value, run)
    run.unknown.push(pathText(run.path))
    return undefined
  }
}

const keep: Prune = (value) => value

function compileAdditional({ additionalProperties, preserveUnknownFields }: SchemaNode): Prune | undefined {
  if (typeof additionalProperties === 'object') return compile(additionalProperties)
  if (preserveUnknownFields) return keepBounded
  // `additionalProperties: true` or false allows any key and knows nothing of what is in it.
  return additionalProperties === undefined ? undefined : dropMembers
}

const keepBounded: Prune = (value) => {
  checkDepth(value)
  return value
}

/** Without a schema, scalars stay, and objects lose every member. */
const dropMembers: Prune = (value, run) => {
  if (Array.isArray(value)) {
    return mapList(value, run, dropMembers)
  }
  if (!isJsonObject(value)) return value
  const keys = Object.keys(value)
  for (const key of keys) run.unknown.push(pathText([...run.path, key]))
  return keys.length === 0 ? value : {}
}

function compileList({ items, preserveUnknownFields }: SchemaNode): Prune {
  if (items === undefined) return preserveUnknownFields ? keepBounded : dropMembers
  // Below a preserved list, elements are pruned only where their own schema says so.
  const item = compile(preserveUnknownFields ? { ...items, preserveUnknownFields: true } : items)
  return (value, run) => mapList(value as Json[], run, item)
}

function mapList(list: Json[], run: PruneRun, item: Prune): Json[] {
  let result = list
  for (let index = 0; index < list.length; index++) {
    const current = list[index] ?? null
    run.path.push(index)
    const kept = item(current, run)
    run.path.pop()
    if (kept === current) continue
    if (result === list) result = [...list]
    result[index] = kept
  }
  return result
}

/** Throws a BadRequest StatusError when a value nests deeper than can be handled safely. */
function checkDepth(value: Json): void {
  let level: Json[] = [value]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > safeDepth) throw badRequest(`exceeded max depth (${Math.min(maxDepth, safeDepth)})`)
    const next: Json[] = []
    for (const item of level) {
      if (typeof item !== 'object' || item === null) continue
      for (const child of Object.values(item))
        if (typeof child === 'object' && child !== null) next.push(child)
    }
    level = next
  }
}
