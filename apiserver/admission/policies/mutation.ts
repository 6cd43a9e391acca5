import type { Environment } from '@marcbachmann/cel-js'
import { applyJsonPatch } from '../../../apimachinery/patch/json-patch.ts'
import { isJsonObject, type Json } from '../../../crds/meta/json.ts'
import { fieldTypeOf } from '../../managed-fields/field-type.ts'
import { mergeObjects } from '../../managed-fields/merge.ts'
import type { KubeObject } from '../../registry/kube-object.ts'
import type { ResourceDefinition } from '../../registry/resource-definition.ts'
import type { CelProgram } from '../../schema/cel/program.ts'
import { jsonValue } from '../../schema/cel/values.ts'
import { compileExpression } from '../cel/expressions.ts'
import { withoutStructs } from '../cel/struct-literals.ts'

/** Compiles the expression of a mutation of `patchType` ApplyConfiguration or JSONPatch. */
export function compileMutation(
  environment: Environment,
  patchType: string,
  expression: string,
): { program: CelProgram } | { error: string } {
  const rewritten = withoutStructs(expression)
  if ('error' in rewritten) return { error: `compilation failed: ${rewritten.error}` }
  const compiled = compileExpression(environment, rewritten.source)
  if ('error' in compiled) return compiled
  const { type } = compiled.program
  if (patchType === 'JSONPatch') {
    return type === 'dyn' || type.startsWith('list<')
      ? compiled
      : { error: 'must evaluate to list(JSONPatch)' }
  }
  const isObject = type === 'dyn' || (type.startsWith('map<') && rewritten.types.has('Object'))
  return isObject ? compiled : { error: 'must evaluate to Object' }
}

/** A result that is no change of an object; the message says why. */
export class BadMutation extends Error {
  override readonly name = 'BadMutation'
}

/** The object with what an expression made of a mutation. Throws BadMutation, or the StatusError of a patch. */
export function applyMutation(
  definition: ResourceDefinition,
  patchType: string,
  value: unknown,
  object: KubeObject,
): KubeObject {
  const change = jsonValue(value)
  const next = patchType === 'JSONPatch' ? patched(change, object) : applied(definition, change, object)
  if (isJsonObject(next) && isJsonObject(next['metadata'])) return next as KubeObject
  throw new BadMutation('the mutation must leave an object')
}

function patched(change: Json | undefined, object: KubeObject): Json {
  if (!Array.isArray(change)) throw new BadMutation('the expression must give a list of JSONPatch')
  return change.length === 0 ? object : applyJsonPatch(object, change)
}

// Who an object is stays out of what can be applied.
const untouchable = ['name', 'namespace', 'uid', 'generateName']

function applied(definition: ResourceDefinition, change: Json | undefined, object: KubeObject): Json {
  if (!isJsonObject(change)) throw new BadMutation('the expression must give an Object')
  const { apiVersion: _version, kind: _kind, ...fields } = change
  const metadata = isJsonObject(fields['metadata']) ? fields['metadata'] : {}
  for (const name of untouchable) {
    if (name in metadata) throw new BadMutation(`may not change metadata.${name}`)
  }
  const { unknown } = definition.schema.prune({ ...fields, ...identityOf(object) } as KubeObject)
  if (unknown.length > 0) {
    throw new BadMutation(
      `error applying patch: ${unknown.map((field) => `.${field}: field not declared in schema`).join(', ')}`,
    )
  }
  return mergeObjects(fieldTypeOf(definition.schema.compiled), object, fields)
}

const identityOf = ({ apiVersion, kind }: KubeObject) => ({ apiVersion, kind, metadata: {} })
