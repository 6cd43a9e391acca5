import type { StatusCause } from '../../apimachinery/status-error.ts'
import type { JsonObject } from '../../crds/meta/json.ts'
import { compileSchema, type CompiledSchema } from '../schema/structural.ts'
import type { KubeObject } from './kube-object.ts'
import type { ObjectSchema } from './resource-definition.ts'

/** The schema of a kind, ready for use, or what is wrong with it; `path` is where it stands. */
export function objectSchema(
  openApiSchema: JsonObject,
  path?: string,
): { schema?: ObjectSchema; errors: StatusCause[] } {
  const { schema, errors } = compileSchema(openApiSchema, path === undefined ? {} : { path })
  return schema ? { schema: new StructuralObjectSchema(schema), errors } : { errors }
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
