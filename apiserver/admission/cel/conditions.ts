import type { JsonObject } from '../../../crds/meta/json.ts'
import { objectsAt, textAt } from '../../registry/kube-object.ts'
import type { CelProgram } from '../../schema/cel/program.ts'
import { admissionEnvironment, Budget, compileExpression, conditionsBudget } from './expressions.ts'
import type { ExpressionScope } from './expressions.ts'
import type { ExpressionValues } from './values.ts'

/** Compiles an expression that decides whether a webhook, or with a scope a policy, looks at a request. */
export function compileCondition(
  expression: string,
  scope: ExpressionScope = {},
): { program: CelProgram } | { error: string } {
  return compileExpression(admissionEnvironment(scope), expression, ['bool'])
}

interface Condition {
  readonly expression: string
  readonly compiled: { program: CelProgram } | { error: string }
}

/** The `matchConditions` of a webhook or policy. */
export class MatchConditions {
  readonly #conditions: readonly Condition[]

  constructor(owner: JsonObject, scope: ExpressionScope = {}) {
    this.#conditions = objectsAt(owner, 'matchConditions').map((condition) => {
      const expression = textAt(condition, 'expression')
      return { expression, compiled: compileCondition(expression, scope) }
    })
  }

  get empty(): boolean {
    return this.#conditions.length === 0
  }

  /**
   * Whether all conditions hold. One that does not decides, whatever else fails; otherwise what fails comes back as
   * `errors`. `more` are variables beside those of every request.
   */
  async match(
    values: ExpressionValues,
    more: Readonly<Record<string, unknown>> = {},
  ): Promise<{ matches: boolean; errors: readonly string[] }> {
    const budget = new Budget(conditionsBudget)
    const errors: string[] = []
    for (const { expression, compiled } of this.#conditions) {
      if ('error' in compiled) {
        errors.push(`compilation error: ${compiled.error}`)
        continue
      }
      const result = await values.evaluate(compiled.program, budget, more)
      if ('value' in result) {
        if (result.value !== true) return { matches: false, errors: [] }
        continue
      }
      errors.push(failedExpression(expression, result.error))
      if (result.exhausted) break
    }
    return { matches: errors.length === 0, errors }
  }
}

/** How Kubernetes words an expression that could not be evaluated. */
export function failedExpression(expression: string, error: string): string {
  return `expression '${expression}' resulted in error: ${error}`
}

/** Several errors as one text. */
export function aggregated(errors: readonly string[]): string {
  const distinct = [...new Set(errors)]
  return distinct.length === 1 ? (distinct[0] ?? '') : `[${distinct.join(', ')}]`
}
