import { jsonEqual } from '../../../apimachinery/patch/json-equal.ts'
import { StatusError } from '../../../apimachinery/status-error.ts'
import type { KubeObject } from '../../registry/kube-object.ts'
import { objectAt, objectsAt, textAt } from '../../registry/kube-object.ts'
import type { CelProgram } from '../../schema/cel/program.ts'
import type { AdmissionPlugin, AdmissionRequest } from '../admission.ts'
import { configuresAdmission, forbiddenByAdmission, inVersion, kindOfRequest } from '../attributes.ts'
import { failedExpression } from '../cel/conditions.ts'
import { Reinvocation } from '../reinvocation.ts'
import { objectsShown } from '../webhooks/caller.ts'
import { compilePolicy, type CompiledBinding, type CompiledPolicy } from './compiled-policy.ts'
import { applyMutation, BadMutation, compileMutation } from './mutation.ts'
import {
  invocationsOf,
  namespaceObject,
  PolicyRun,
  type PolicyDeps,
  type PolicyInvocation,
  type PolicySources,
} from './policy-run.ts'

interface Mutation {
  readonly patchType: string
  readonly expression: string
  readonly compiled: { program: CelProgram } | { error: string }
}

/** A MutatingAdmissionPolicy, compiled. */
export interface MutatingPolicy {
  readonly common: CompiledPolicy
  readonly mutations: readonly Mutation[]
  readonly repeatable: boolean
}

/** Throws a StatusError for bad selectors; expressions that do not compile fail when they are needed. */
export function compileMutatingPolicy(policy: KubeObject): MutatingPolicy {
  const { common, environment } = compilePolicy(policy)
  const spec = objectAt(policy, 'spec')
  return {
    common,
    repeatable: textAt(spec, 'reinvocationPolicy') === 'IfNeeded',
    mutations: objectsAt(spec, 'mutations').map((mutation) => {
      const patchType = textAt(mutation, 'patchType')
      const field = patchType === 'JSONPatch' ? 'jsonPatch' : 'applyConfiguration'
      const expression = textAt(mutation, field, 'expression')
      return { patchType, expression, compiled: compileMutation(environment, patchType, expression) }
    }),
  }
}

/** Changes writes by all MutatingAdmissionPolicies that are bound. */
export class MutatingPolicies implements AdmissionPlugin {
  readonly name = 'MutatingAdmissionPolicy'
  readonly #deps: PolicyDeps
  readonly #sources: PolicySources<MutatingPolicy>

  constructor(deps: PolicyDeps, sources: PolicySources<MutatingPolicy>) {
    this.#deps = deps
    this.#sources = sources
  }

  handles({ user, definition, object }: AdmissionRequest): boolean {
    const { policies, bindings } = this.#sources
    const inForce = policies.all.length > 0 && bindings.all.length > 0
    return inForce && user !== undefined && object !== undefined && !configuresAdmission(definition)
  }

  async mutate(request: AdmissionRequest): Promise<KubeObject | undefined> {
    const { reinvocation = new Reinvocation() } = request
    const calls = reinvocation.callsOf(this.name)
    if (reinvocation.again) calls.resume(request.object)
    const { invocations, failures } = await invocationsOf(this.#deps, this.#sources, request)
    const problems = failures.flatMap(({ policy, binding, message }) =>
      policy.common.failOpen ? [] : [problemText(policy, binding, message)],
    )
    let { object } = request
    for (const invocation of invocations) {
      const id = idOf(invocation)
      if (reinvocation.again && !calls.isDue(id)) continue
      const result = await this.#run(invocation, { ...request, object })
      if ('error' in result) {
        const { policy, binding } = invocation
        if (!policy.common.failOpen) problems.push(problemText(policy, binding, result.error))
        continue
      }
      const changed = !jsonEqual(result.object, object)
      if (changed) object = result.object
      calls.called(id, { changed, repeatable: invocation.policy.repeatable && !reinvocation.again })
    }
    calls.finish(object)
    refuse(request, problems)
    return object
  }

  async #run(
    { policy, params, shown }: PolicyInvocation<MutatingPolicy>,
    request: AdmissionRequest,
  ): Promise<{ object: KubeObject | undefined } | { error: string }> {
    const { authorizer } = this.#deps
    const namespace = await namespaceObject(this.#deps, request)
    let { object } = await objectsShown(request, shown)
    for (const [index, mutation] of policy.mutations.entries()) {
      // Every mutation sees what those before it have made.
      const { current } = await objectsShown(request, shown)
      const run = new PolicyRun(
        policy.common,
        { request, shown, object, current },
        { authorizer, params, namespace },
      )
      if (index === 0) {
        const wanted = await run.isWanted()
        if ('error' in wanted) return wanted
        if (!wanted.wanted) return { object: request.object }
      }
      const result = await mutate(run, mutation, { request, definition: shown.definition, object })
      if ('error' in result) return result
      object = result.object
    }
    return { object: object && (await inVersion(shown.definition, request.definition, object)) }
  }
}

async function mutate(
  run: PolicyRun,
  { patchType, expression, compiled }: Mutation,
  {
    request,
    definition,
    object,
  }: {
    request: AdmissionRequest
    definition: AdmissionRequest['definition']
    object: KubeObject | undefined
  },
): Promise<{ object: KubeObject } | { error: string }> {
  if (object === undefined) return { error: 'there is no object to change' }
  if ('error' in compiled) return { error: compiled.error }
  const result = await run.evaluate(compiled.program)
  if ('error' in result) return { error: failedExpression(expression, result.error) }
  try {
    const next = applyMutation(definition, patchType, result.value, object)
    // A Scale or the like has no schema here.
    const isWhole = kindOfRequest(request).kind === definition.kind
    return { object: isWhole ? definition.schema.applyDefaults(next) : next }
  } catch (error) {
    if (error instanceof BadMutation || error instanceof StatusError) return { error: error.message }
    throw error
  }
}

function idOf({ policy, binding, params }: PolicyInvocation<MutatingPolicy>): string {
  const { namespace = '', name = '' } = params?.metadata ?? {}
  return [policy.common.name, binding.name, namespace, name].join('/')
}

function problemText(
  { common }: MutatingPolicy,
  binding: CompiledBinding | undefined,
  message: string,
): string {
  const by = binding === undefined ? '' : ` with binding '${binding.name}'`
  return `policy '${common.name}'${by} denied request: ${message}`
}

function refuse(request: AdmissionRequest, problems: readonly string[]): void {
  const [first] = problems
  if (first === undefined) return
  const { details } = forbiddenByAdmission(request, first)
  throw new StatusError('Invalid', first, {
    code: 403,
    details: { ...details, causes: problems.map((message) => ({ message })) },
  })
}
