import type { Environment } from '@marcbachmann/cel-js'
import { celEnvironment } from '../../schema/cel/environment.ts'
import { compileProgram, CelError, perCallLimit, type CelProgram } from '../../schema/cel/program.ts'
import { registerAuthorizer } from './authorizer-library.ts'
import { registerJsonPatch } from './json-patch-library.ts'

/** The variables that expressions of admission may have beside `object`, `oldObject`, `request` and `authorizer`. */
export interface ExpressionScope {
  readonly params?: boolean
  readonly namespaceObject?: boolean
  /** Absent: of any type. */
  readonly types?: { readonly object?: string; readonly params?: string }
}

/** Everything that expressions of admission know; what is left to declare are `variables`. */
export function admissionEnvironment(scope: ExpressionScope = {}, base = celEnvironment()): Environment {
  registerAuthorizer(base)
  registerJsonPatch(base)
  const { object = 'dyn', params = 'dyn' } = scope.types ?? {}
  base
    .registerVariable('object', object)
    .registerVariable('oldObject', object)
    .registerVariable('request', 'dyn')
    .registerVariable('authorizer', 'kubernetes.authorization.Authorizer')
  if (scope.params) base.registerVariable('params', params)
  if (scope.namespaceObject) base.registerVariable('namespaceObject', 'dyn')
  return base
}

/** Compiles an expression; one of the types in `returns` has to come out, where it is known beforehand. */
export function compileExpression(
  environment: Environment,
  source: string,
  returns: readonly string[] = [],
): { program: CelProgram } | { error: string } {
  const compiled = compileProgram(environment, source)
  if ('error' in compiled) return { error: `compilation failed: ${compiled.error}` }
  const { type } = compiled.program
  if (returns.length === 0 || type === 'dyn' || returns.includes(type)) return compiled
  const names = returns.map((name) => (name === 'null' ? 'null_type' : name))
  return {
    error:
      names.length === 1 ? `must evaluate to ${names[0]}` : `must evaluate to one of ${names.join(', ')}`,
  }
}

/** What came of one evaluation. */
export type Evaluated =
  | { readonly value: unknown }
  /** `exhausted`: the budget is spent, so that nothing else shall be evaluated. */
  | { readonly error: string; readonly exhausted: boolean }

/** What all expressions of one policy, or of one list of conditions, may cost for one request. */
export class Budget {
  left: number

  constructor(units: number) {
    this.left = units
  }

  /** Evaluates once, and pays for it. */
  evaluate(program: CelProgram, variables: Readonly<Record<string, unknown>>): Evaluated {
    const limit = Math.min(perCallLimit, this.left)
    try {
      const { value, cost } = program.evaluate(variables, limit)
      this.left -= cost
      return { value }
    } catch (error) {
      if (!(error instanceof CelError)) throw error
      if (error.outOfBudget) this.left -= limit
      return { error: error.message, exhausted: error.outOfBudget && this.left <= 0 }
    }
  }
}

/** The budget of the validations and mutations of a policy. */
export const policyBudget = 10_000_000
/** The budget of match conditions. */
export const conditionsBudget = policyBudget / 4
