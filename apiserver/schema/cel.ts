import { celEnvironment } from './cel/environment.ts'
import { compileProgram, type CelProgram } from './cel/program.ts'
import { CelTypes, type CelType } from './cel/types.ts'
import { shapeOf, type Shape } from './cel/cost.ts'
import type { SchemaNode } from './schema-node.ts'
import type { Json } from '../../crds/meta/json.ts'
import { dynamicValue } from './cel/values.ts'

export { CelError, perCallLimit, type CelProgram } from './cel/program.ts'
export { dynamicValue, jsonValue } from './cel/values.ts'

/** A variable of an expression: of the type of a schema, of a named CEL type, or of any type. */
export type CelVariable =
  | { readonly schema: SchemaNode }
  | { readonly type: 'bool' | 'int' | 'string' | 'double' | 'dyn' | 'map' | 'list' }

export interface CelExpression {
  readonly program: CelProgram
  /** Turns the JSON of a variable into what `program.evaluate` takes. */
  convert(variable: string, value: Json): unknown
}

/**
 * Compiles an expression with the given variables: for admission policies, match conditions and the like. Returns
 * what is wrong with it as `error`. `returns` is the type that the result must have.
 */
export function compileCelExpression(
  source: string,
  variables: Readonly<Record<string, CelVariable>>,
  returns?: string,
): CelExpression | { error: string } {
  const environment = celEnvironment()
  const types = new CelTypes(environment)
  const converters = new Map<string, (value: Json) => unknown>()
  const shapes: Record<string, Shape> = {}
  for (const [name, variable] of Object.entries(variables)) {
    if ('schema' in variable) shapes[name] = shapeOf(variable.schema)
    const type = typeOfVariable(types, name, variable)
    converters.set(name, type.convert)
    environment.registerVariable(name, type.name)
  }
  const result = compileProgram(environment, source, { shapes })
  if ('error' in result) return { error: `compilation failed: ${result.error}` }
  const { program } = result
  if (returns !== undefined && program.type !== returns && program.type !== 'dyn') {
    return { error: `must evaluate to ${returns}` }
  }
  return { program, convert: (name, value) => (converters.get(name) ?? dynamicValue)(value) }
}

function typeOfVariable(types: CelTypes, name: string, variable: CelVariable): CelType {
  if ('type' in variable) return { name: variable.type, convert: dynamicValue }
  return types.typeOf(variable.schema, `type.${name}`, true) ?? { name: 'dyn', convert: dynamicValue }
}
