import type { Authorizer } from '../../authorization/authorizer.ts'
import type { KubeObject } from '../../registry/kube-object.ts'
import type { CelProgram } from '../../schema/cel/program.ts'
import { dynamicValue } from '../../schema/cel/values.ts'
import type { AdmissionRequest } from '../admission.ts'
import { isNamespaces, namespaceOf, type Shown } from '../attributes.ts'
import type { Configurations } from '../configurations.ts'
import { aggregated } from '../cel/conditions.ts'
import { Budget, policyBudget, type Evaluated } from '../cel/expressions.ts'
import { ExpressionValues, requestVariables, type RequestView } from '../cel/values.ts'
import type { MatchDeps } from '../matching/criteria.ts'
import type { CompiledBinding, CompiledPolicy } from './compiled-policy.ts'
import { ParamError, type ParamReader } from './params.ts'
import { composed } from './variables.ts'

export interface PolicyDeps extends MatchDeps {
  readonly params: ParamReader
  readonly authorizer: Authorizer
}

/** What went wrong with a policy before any of its expressions ran; its failurePolicy says what that means. */
export interface ConfigurationFailure<P> {
  readonly policy: P
  readonly binding: CompiledBinding | undefined
  readonly message: string
}

/** A policy that has to be run for a request, once per parameter. */
export interface PolicyInvocation<P> {
  readonly policy: P
  readonly binding: CompiledBinding
  readonly params: KubeObject | undefined
  readonly shown: Shown
}

/** Policies and their bindings as they are now. */
export interface PolicySources<P> {
  readonly policies: Configurations<P>
  readonly bindings: Configurations<CompiledBinding>
}

/** Everything that has to be run for a request, in the order of names. */
export async function invocationsOf<P extends { readonly common: CompiledPolicy }>(
  deps: PolicyDeps,
  { policies, bindings }: PolicySources<P>,
  request: AdmissionRequest,
): Promise<{ invocations: PolicyInvocation<P>[]; failures: ConfigurationFailure<P>[] }> {
  const invocations: PolicyInvocation<P>[] = []
  const failures: ConfigurationFailure<P>[] = []
  for (const policy of policies.all) {
    const bound = bindings.all.filter(({ policyName }) => policyName === policy.common.name)
    if (bound.length === 0) continue
    const shown = await policy.common.criteria.match(request, deps)
    if (shown === undefined) continue
    for (const binding of bound) {
      if (!(await binding.criteria.match(request, deps))) continue
      try {
        const found = await deps.params.collect(policy.common.paramKind, binding, request)
        for (const params of found) invocations.push({ policy, binding, params, shown })
      } catch (error) {
        if (!(error instanceof ParamError)) throw error
        failures.push({ policy, binding, message: `failed to configure binding: ${error.message}` })
      }
    }
  }
  return { invocations, failures }
}

/** One policy with one parameter over one request: its variables and its budget. */
export class PolicyRun {
  readonly #common: CompiledPolicy
  readonly #values: ExpressionValues
  readonly #own: Readonly<Record<string, unknown>>
  readonly #budget = new Budget(policyBudget)
  readonly #signal: AbortSignal

  constructor(
    common: CompiledPolicy,
    view: RequestView,
    {
      authorizer,
      params,
      namespace,
    }: {
      authorizer: Authorizer
      params: KubeObject | undefined
      namespace: KubeObject | undefined
    },
  ) {
    this.#common = common
    this.#values = new ExpressionValues(view, authorizer)
    this.#own = {
      params: dynamicValue(params ?? null),
      namespaceObject: dynamicValue(namespace ?? null),
    }
    this.#signal = view.request.signal
  }

  /** Whether the policy's conditions hold; `error` when they cannot be evaluated. */
  async isWanted(): Promise<{ wanted: boolean } | { error: string }> {
    const { conditions } = this.#common
    if (conditions.empty) return { wanted: true }
    const { matches, errors } = await conditions.match(this.#values, this.#own)
    return errors.length === 0 ? { wanted: matches } : { error: aggregated(errors) }
  }

  async evaluate(program: CelProgram): Promise<Evaluated> {
    if (this.#signal.aborted) throw this.#signal.reason
    const variables = composed(this.#common.variables, this.#budget, (inner) => ({
      ...this.#own,
      ...Object.fromEntries(
        requestVariables
          .filter((name) => inner.uses(name))
          .map((name) => [name, this.#values.variable(name)]),
      ),
    }))
    return await this.#values.evaluate(program, this.#budget, { ...this.#own, variables })
  }
}

/** The namespace that a request is in, without what only the server needs; undefined for cluster-wide ones. */
export async function namespaceObject(
  { namespaces }: MatchDeps,
  request: AdmissionRequest,
): Promise<KubeObject | undefined> {
  const name = isNamespaces(request.definition) ? '' : namespaceOf(request)
  if (name === '') return undefined
  const found = await namespaces.get(name, request.signal)
  const { managedFields: _, ...metadata } = found.metadata
  return { ...found, metadata }
}

/** Whether what a messageExpression gives can be shown; the fixed message is, otherwise. */
export const isUsableMessage = (text: string) =>
  text !== '' && !text.includes('\n') && Buffer.byteLength(text) <= 5 * 1024
