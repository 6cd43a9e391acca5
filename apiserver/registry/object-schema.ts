import { createHash } from 'node:crypto'
import type { StatusCause } from '../../apimachinery/status-error.ts'
import type { JsonObject } from '../../crds/meta/json.ts'
import { compileSchema, type CompiledSchema } from '../schema/structural.ts'
import type { KubeObject } from './kube-object.ts'
import type { ObjectSchema } from './resource-definition.ts'

interface Compiled {
  readonly schema?: ObjectSchema
  readonly errors: StatusCause[]
}

/** A definition is compiled when it is checked, and again with each change of its status. */
const mostRemembered = 32
const remembered = new Map<string, Compiled>()

/** The schema of a kind, ready for use, or what is wrong with it; `path` is where it stands. */
export function objectSchema(openApiSchema: JsonObject, path = ''): Compiled {
  const key = createHash('sha256').update(path).update(JSON.stringify(openApiSchema)).digest('base64')
  const known = remembered.get(key)
  if (known) return known
  const { schema, errors } = compileSchema(openApiSchema, path === '' ? {} : { path })
  const compiled = schema ? { schema: new StructuralObjectSchema(schema), errors } : { errors }
  remembered.set(key, compiled)
  for (const oldest of remembered.keys()) {
    if (remembered.size <= mostRemembered) break
    remembered.delete(oldest)
  }
  return compiled
}

class StructuralObjectSchema implements ObjectSchema {
  readonly compiled: CompiledSchema

  constructor(compiled: CompiledSchema) {
    this.compiled = compiled
  }

  prune(object: KubeObject) {
    const { object: pruned, unknownFields } = this.compiled.prune(object)
    return { object: pruned as KubeObject, unknown: unknownFields }
  }

  applyDefaults(object: KubeObject, nulls?: 'drop' | 'keep') {
    return this.compiled.applyDefaults(object, nulls) as KubeObject
  }

  validate(object: KubeObject, current: KubeObject | undefined) {
    return this.compiled.validate(object, { old: current })
  }
}
