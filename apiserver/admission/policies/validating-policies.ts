import type { StatusReason } from '../../../apimachinery/status-error.ts'
import { StatusError } from '../../../apimachinery/status-error.ts'
import type { JsonObject } from '../../../crds/meta/json.ts'
import type { KubeObject } from '../../registry/kube-object.ts'
import { objectAt, objectsAt, textAt } from '../../registry/kube-object.ts'
import type { CelProgram } from '../../schema/cel/program.ts'
import type { AdmissionPlugin, AdmissionRequest } from '../admission.ts'
import { configuresAdmission, forbiddenByAdmission } from '../attributes.ts'
import { failedExpression } from '../cel/conditions.ts'
import { compileExpression } from '../cel/expressions.ts'
import { objectsShown } from '../webhooks/caller.ts'
import { compilePolicy, type CompiledBinding, type CompiledPolicy } from './compiled-policy.ts'
import {
  invocationsOf,
  isUsableMessage,
  namespaceObject,
  PolicyRun,
  type PolicyDeps,
  type PolicyInvocation,
  type PolicySources,
} from './policy-run.ts'

type Compiled = { program: CelProgram } | { error: string }

interface Validation {
  readonly expression: string
  readonly compiled: Compiled
  readonly message: string
  readonly messageProgram: CelProgram | undefined
  readonly reason: string
}

interface AuditAnnotation {
  readonly key: string
  readonly expression: string
  readonly compiled: Compiled
}

/** A ValidatingAdmissionPolicy, compiled. */
export interface ValidatingPolicy {
  readonly common: CompiledPolicy
  readonly validations: readonly Validation[]
  readonly auditAnnotations: readonly AuditAnnotation[]
}

/** Throws a StatusError for bad selectors; expressions that do not compile fail when they are needed. */
export function compileValidatingPolicy(policy: KubeObject): ValidatingPolicy {
  const { common, environment } = compilePolicy(policy)
  const spec = objectAt(policy, 'spec')
  const compile = (owner: JsonObject, field: string, ...types: string[]) =>
    compileExpression(environment, textAt(owner, field), types)
  return {
    common,
    validations: objectsAt(spec, 'validations').map((validation) => {
      const message =
        textAt(validation, 'messageExpression') && compile(validation, 'messageExpression', 'string')
      return {
        expression: textAt(validation, 'expression'),
        compiled: compile(validation, 'expression', 'bool'),
        message: textAt(validation, 'message').trim(),
        messageProgram: message && 'program' in message ? message.program : undefined,
        reason: textAt(validation, 'reason'),
      }
    }),
    auditAnnotations: objectsAt(spec, 'auditAnnotations').map((annotation) => ({
      key: textAt(annotation, 'key'),
      expression: textAt(annotation, 'valueExpression'),
      compiled: compile(annotation, 'valueExpression', 'string', 'null'),
    })),
  }
}

/** Something that a policy has against a request. */
interface Finding {
  readonly policy: string
  readonly binding: CompiledBinding
  readonly message: string
  readonly reason: string
  /** Which of the validations it was; undefined for failures of the policy itself. */
  readonly index: number | undefined
  /** Failures of the policy itself refuse the request whatever the binding's actions are. */
  readonly always: boolean
}

/** Holds writes against all ValidatingAdmissionPolicies that are bound. */
export class ValidatingPolicies implements AdmissionPlugin {
  readonly name = 'ValidatingAdmissionPolicy'
  readonly #deps: PolicyDeps
  readonly #sources: PolicySources<ValidatingPolicy>

  constructor(deps: PolicyDeps, sources: PolicySources<ValidatingPolicy>) {
    this.#deps = deps
    this.#sources = sources
  }

  handles({ user, definition }: AdmissionRequest): boolean {
    const { policies, bindings } = this.#sources
    const inForce = policies.all.length > 0 && bindings.all.length > 0
    return inForce && user !== undefined && !configuresAdmission(definition)
  }

  async validate(request: AdmissionRequest): Promise<void> {
    const { invocations, failures } = await invocationsOf(this.#deps, this.#sources, request)
    const findings: Finding[] = failures.flatMap(({ policy, binding, message }) =>
      policy.common.failOpen || binding === undefined
        ? []
        : [{ policy: policy.common.name, binding, message, reason: '', index: undefined, always: true }],
    )
    const annotations = new Map<string, string[]>()
    for (const invocation of invocations) {
      findings.push(...(await this.#run(invocation, request, annotations)))
    }
    for (const [key, values] of annotations) request.annotations.set(key, values.join(', '))
    publish(request, findings)
  }

  async #run(
    invocation: PolicyInvocation<ValidatingPolicy>,
    request: AdmissionRequest,
    annotations: Map<string, string[]>,
  ): Promise<Finding[]> {
    const { policy, binding, params, shown } = invocation
    const { common } = policy
    const found = (message: string, more: Partial<Finding> = {}): Finding => ({
      policy: common.name,
      binding,
      message,
      reason: '',
      index: undefined,
      always: false,
      ...more,
    })
    const run = new PolicyRun(
      common,
      { request, shown, ...(await objectsShown(request, shown)) },
      { authorizer: this.#deps.authorizer, params, namespace: await namespaceObject(this.#deps, request) },
    )
    const wanted = await run.isWanted()
    if ('error' in wanted) return common.failOpen ? [] : [found(wanted.error)]
    if (!wanted.wanted) return []
    const findings: Finding[] = []
    for (const [index, validation] of policy.validations.entries()) {
      const problem = await check(run, validation)
      if (problem === undefined || (problem.failed && common.failOpen)) continue
      findings.push(found(problem.message, { reason: validation.reason, index }))
      if (problem.exhausted) break
    }
    const failed = await annotateAll(run, policy, annotations)
    return common.failOpen ? findings : [...findings, ...failed.map((message) => found(message))]
  }
}

/** Collects the values of a policy's annotations; gives what went wrong. */
async function annotateAll(
  run: PolicyRun,
  { common, auditAnnotations }: ValidatingPolicy,
  annotations: Map<string, string[]>,
): Promise<string[]> {
  const failed: string[] = []
  for (const annotation of auditAnnotations) {
    const value = await annotate(run, annotation)
    if ('error' in value) failed.push(value.error)
    else if (value.text !== '') append(annotations, `${common.name}/${annotation.key}`, value.text)
  }
  return failed
}

interface Problem {
  readonly message: string
  /** The expression could not be evaluated: failurePolicy applies. */
  readonly failed: boolean
  readonly exhausted: boolean
}

async function check(run: PolicyRun, validation: Validation): Promise<Problem | undefined> {
  const { expression, compiled } = validation
  if ('error' in compiled) {
    return { message: `compilation error: ${compiled.error}`, failed: true, exhausted: false }
  }
  const result = await run.evaluate(compiled.program)
  if ('error' in result) {
    const { error, exhausted } = result
    return { message: failedExpression(expression, error), failed: true, exhausted }
  }
  if (result.value === true) return undefined
  return { message: await messageOf(run, validation), failed: false, exhausted: false }
}

async function messageOf(run: PolicyRun, validation: Validation): Promise<string> {
  const { expression, message, messageProgram } = validation
  const fixed = message === '' ? `failed expression: ${expression.trim()}` : message
  if (messageProgram === undefined) return fixed
  const result = await run.evaluate(messageProgram)
  const text = 'value' in result && typeof result.value === 'string' ? result.value.trim() : ''
  return isUsableMessage(text) ? text : fixed
}

const maxAnnotationBytes = 10 * 1024

async function annotate(
  run: PolicyRun,
  { expression, compiled }: AuditAnnotation,
): Promise<{ text: string } | { error: string }> {
  if ('error' in compiled) return { error: `compilation error: ${compiled.error}` }
  const result = await run.evaluate(compiled.program)
  if ('error' in result)
    return { error: `valueExpression '${expression}' resulted in error: ${result.error}` }
  if (result.value === null) return { text: '' }
  if (typeof result.value !== 'string') {
    return { error: `valueExpression '${expression}' resulted in unsupported return type` }
  }
  return { text: Buffer.from(result.value.trim()).subarray(0, maxAnnotationBytes).toString('utf8') }
}

function append(annotations: Map<string, string[]>, key: string, value: string): void {
  const values = annotations.get(key) ?? []
  if (!values.includes(value)) values.push(value)
  annotations.set(key, values)
}

/** Warns, notes for the audit log, and throws for the first finding that denies. */
function publish(request: AdmissionRequest, findings: readonly Finding[]): void {
  const audited: JsonObject[] = []
  let denied: Finding | undefined
  for (const finding of findings) {
    const { policy, binding, message, index, always } = finding
    if (always || binding.actions.includes('Deny')) denied ??= finding
    if (always) continue
    if (binding.actions.includes('Warn')) {
      const warning = `Validation failed for ValidatingAdmissionPolicy '${policy}' with binding '${binding.name}': ${message}`
      if (!request.warnings.includes(warning)) request.warnings.push(warning)
    }
    if (binding.actions.includes('Audit')) {
      audited.push({
        message,
        policy,
        binding: binding.name,
        expressionIndex: index ?? 0,
        validationActions: [...binding.actions],
      })
    }
  }
  if (audited.length > 0) {
    request.annotations.set('validation.policy.admission.k8s.io/validation_failure', JSON.stringify(audited))
  }
  if (denied) throw denial(request, denied)
}

const codes: Readonly<Record<string, number>> = {
  Forbidden: 403,
  Unauthorized: 401,
  RequestEntityTooLarge: 413,
  Invalid: 422,
}

function denial(request: AdmissionRequest, { policy, binding, message, reason }: Finding): StatusError {
  const text = `ValidatingAdmissionPolicy '${policy}' with binding '${binding.name}' denied request: ${message}`
  const forbidden = forbiddenByAdmission(request, text)
  const word = (reason || 'Invalid') as StatusReason
  return new StatusError(word, forbidden.message, {
    code: codes[word] ?? 422,
    details: { ...forbidden.details, causes: [{ message: text }] },
  })
}
