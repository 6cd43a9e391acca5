import type { Authorizer } from '../../authorization/authorizer.ts'
import type { KubeObject } from '../../registry/kube-object.ts'
import type { CelProgram } from '../../schema/cel/program.ts'
import { dynamicValue } from '../../schema/cel/values.ts'
import type { AdmissionRequest } from '../admission.ts'
import { namespaceOf, requestFields, type Shown } from '../attributes.ts'
import { AuthorizerQuestions, CelAuthorizer } from './authorizer-library.ts'
import type { Budget, Evaluated } from './expressions.ts'

/** A request as expressions see it: each variable is made when the first expression needs it. */
export interface RequestView {
  readonly request: AdmissionRequest
  readonly shown: Shown
  /** In the version shown. */
  readonly object: KubeObject | undefined
  readonly current: KubeObject | undefined
}

// A question may depend on the answer to another, but there is no end to what an expression can ask.
const maxQuestionRounds = 32

/** The variables of one request, and how expressions are evaluated over them. */
export class ExpressionValues {
  readonly #view: RequestView
  readonly #authorizer: Authorizer
  readonly #questions = new AuthorizerQuestions()
  readonly #variables = new Map<string, unknown>()

  constructor(view: RequestView, authorizer: Authorizer) {
    this.#view = view
    this.#authorizer = authorizer
  }

  /** `more` are variables beside those of every request. Asks the authorizer as often as it takes. */
  async evaluate(
    program: CelProgram,
    budget: Budget,
    more: Readonly<Record<string, unknown>> = {},
  ): Promise<Evaluated> {
    const variables: Record<string, unknown> = { ...more }
    for (const name of requestVariables) if (program.uses(name)) variables[name] = this.variable(name)
    for (let round = 0; ; round++) {
      const result = budget.evaluate(program, variables)
      if ('value' in result || round === maxQuestionRounds) return result
      const { signal } = this.#view.request
      const asked = await this.#questions.resolve((attributes) =>
        this.#authorizer.authorize(attributes, signal),
      )
      if (!asked) return result
    }
  }

  /** One of the variables of every request. */
  variable(name: RequestVariable): unknown {
    if (this.#variables.has(name)) return this.#variables.get(name)
    const value = this.#make(name)
    this.#variables.set(name, value)
    return value
  }

  #make(name: RequestVariable): unknown {
    const { request, shown, object, current } = this.#view
    switch (name) {
      case 'object':
        return dynamicValue(object ?? null)
      case 'oldObject':
        return dynamicValue(current ?? null)
      case 'request':
        return dynamicValue(requestFields(request, shown))
      case 'authorizer':
        return this.#makeAuthorizer()
    }
  }

  #makeAuthorizer(): CelAuthorizer {
    const { request } = this.#view
    const { definition, subresource, name } = request
    const requested = {
      group: definition.group,
      version: definition.version,
      resource: definition.plural,
      subresource,
      namespace: namespaceOf(request),
      name,
    }
    return new CelAuthorizer(request.user ?? { name: '', groups: [] }, this.#questions, requested)
  }
}

export const requestVariables = ['object', 'oldObject', 'request', 'authorizer'] as const
export type RequestVariable = (typeof requestVariables)[number]
