import { EvaluationError, type Environment } from '@marcbachmann/cel-js'
import type { JsonObject } from '../../../crds/meta/json.ts'
import { objectsAt, textAt } from '../../registry/kube-object.ts'
import type { CelProgram } from '../../schema/cel/program.ts'
import type { Budget } from '../cel/expressions.ts'
import { compileExpression } from '../cel/expressions.ts'

/** A named expression of a policy; with `error` when it does not compile. */
export interface PolicyVariable {
  readonly name: string
  readonly compiled: { program: CelProgram } | { error: string }
}

/** `variables` as expressions see it: each is evaluated when it is looked at for the first time. */
export class ComposedVariables extends Map<string, unknown> {
  readonly #variables: ReadonlyMap<string, PolicyVariable>
  readonly #evaluate: (program: CelProgram, self: ComposedVariables) => { value: unknown } | { error: string }

  constructor(
    variables: ReadonlyMap<string, PolicyVariable>,
    evaluate: (program: CelProgram, self: ComposedVariables) => { value: unknown } | { error: string },
  ) {
    super()
    this.#variables = variables
    this.#evaluate = evaluate
  }

  override get(name: string): unknown {
    if (super.has(name)) return super.get(name)
    const variable = this.#variables.get(name)
    if (variable === undefined) return undefined
    const { compiled } = variable
    if ('error' in compiled) {
      throw new EvaluationError(`composited variable "${name}" fails to compile: ${compiled.error}`)
    }
    const result = this.#evaluate(compiled.program, this)
    if ('error' in result) {
      throw new EvaluationError(`composited variable "${name}" fails to evaluate: ${result.error}`)
    }
    this.set(name, result.value)
    return result.value
  }
}

const simpleTypes = new Set(['bool', 'int', 'uint', 'double', 'string', 'bytes'])

/**
 * Compiles the variables of a policy in turn: each may use those before it. Gives them, and the environment in which
 * all of them are known. `fresh` makes an environment without any.
 */
export function compileVariables(
  spec: JsonObject,
  fresh: () => Environment,
): { variables: ReadonlyMap<string, PolicyVariable>; environment: Environment } {
  const variables = new Map<string, PolicyVariable>()
  const fields: Record<string, string> = {}
  for (const variable of objectsAt(spec, 'variables')) {
    const name = textAt(variable, 'name')
    const compiled = compileExpression(withVariables(fresh(), fields), textAt(variable, 'expression'))
    variables.set(name, { name, compiled })
    fields[name] =
      'program' in compiled && simpleTypes.has(compiled.program.type) ? compiled.program.type : 'dyn'
  }
  return { variables, environment: withVariables(fresh(), fields) }
}

function withVariables(environment: Environment, fields: Readonly<Record<string, string>>): Environment {
  environment.registerType('kubernetes.variables', { ctor: ComposedVariables, fields: { ...fields } })
  environment.registerVariable('variables', 'kubernetes.variables')
  return environment
}

/** Evaluates variables over the values of one request, at the expense of one budget. */
export function composed(
  variables: ReadonlyMap<string, PolicyVariable>,
  budget: Budget,
  values: (program: CelProgram) => Readonly<Record<string, unknown>>,
): ComposedVariables {
  return new ComposedVariables(variables, (program, self) =>
    budget.evaluate(program, { ...values(program), variables: self }),
  )
}
