import { applyJsonPatch } from '../../../apimachinery/patch/json-patch.ts'
import { jsonEqual } from '../../../apimachinery/patch/json-equal.ts'
import { isJsonObject, type Json } from '../../../crds/meta/json.ts'
import type { KubeObject } from '../../registry/kube-object.ts'
import type { AdmissionPlugin, AdmissionRequest } from '../admission.ts'
import { configuresAdmission, inVersion } from '../attributes.ts'
import type { Configurations } from '../configurations.ts'
import { Reinvocation } from '../reinvocation.ts'
import { callWebhook, checkStillWanted, invocationOf, type Invocation, type WebhookDeps } from './caller.ts'
import type { CompiledWebhook } from './compiled-webhook.ts'
import type { ReviewResult } from './review.ts'
import { CallFailure, internalError } from './webhook-errors.ts'

/** Shows writes to the webhooks of all MutatingWebhookConfigurations, one after the other. */
export class MutatingWebhooks implements AdmissionPlugin {
  readonly name = 'MutatingAdmissionWebhook'
  readonly #deps: WebhookDeps
  readonly #configurations: Configurations<CompiledWebhook[]>

  constructor(deps: WebhookDeps, configurations: Configurations<CompiledWebhook[]>) {
    this.#deps = deps
    this.#configurations = configurations
  }

  handles({ user, definition }: AdmissionRequest): boolean {
    return this.#configurations.all.length > 0 && user !== undefined && !configuresAdmission(definition)
  }

  async mutate(request: AdmissionRequest): Promise<KubeObject | undefined> {
    const { reinvocation = new Reinvocation() } = request
    const calls = reinvocation.callsOf(this.name)
    let { object } = request
    if (reinvocation.again) calls.resume(object)
    for (const [index, webhook] of this.#configurations.all.flat().entries()) {
      if (reinvocation.again && !calls.isDue(webhook.id)) continue
      const step = { ...request, object }
      const invocation = await invocationOf(this.#deps, webhook, step)
      if (invocation === undefined) continue
      const round = `round_${reinvocation.again ? 1 : 0}_index_${index}`
      const next = await this.#call(invocation, step, round)
      const changed = !jsonEqual(next, object)
      if (changed) object = next
      calls.called(webhook.id, { changed, repeatable: webhook.repeatable && !reinvocation.again })
    }
    calls.finish(object)
    return object
  }

  /** The object as the webhook leaves it. */
  async #call(
    invocation: Invocation,
    request: AdmissionRequest,
    round: string,
  ): Promise<KubeObject | undefined> {
    const { webhook, shown } = invocation
    const { definition, annotations } = request
    const annotate = (mutated: boolean) => {
      const value = { configuration: webhook.configuration, webhook: webhook.name, mutated }
      annotations.set(`mutation.webhook.admission.k8s.io/${round}`, JSON.stringify(value))
    }
    try {
      const { result, object } = await callWebhook(this.#deps, invocation, request, true)
      const patched = applyPatch(webhook.name, result, object)
      const changed = patched !== undefined && !jsonEqual(patched, object)
      annotate(changed)
      return changed ? await inVersion(shown.definition, definition, patched) : request.object
    } catch (error) {
      annotate(false)
      if (!(error instanceof CallFailure)) throw error
      if (!webhook.failOpen) throw internalError(error.message, error)
      checkStillWanted(request)
      this.#deps.log.warn('Webhook failed and is left out', { webhook: webhook.name, error })
      annotations.set(`failed-open.mutating.webhook.admission.k8s.io/${round}`, webhook.name)
      return request.object
    }
  }
}

/** Undefined when the webhook changes nothing. Throws CallFailure or InternalError. */
function applyPatch(
  webhook: string,
  { patch, patchType }: ReviewResult,
  object: KubeObject | undefined,
): KubeObject | undefined {
  if (patch === '') return undefined
  if (patchType !== 'JSONPatch') {
    throw new CallFailure(webhook, `unsupported patch type ${JSON.stringify(patchType)}`, undefined)
  }
  const operations = parsed(patch)
  if (Array.isArray(operations) && operations.length === 0) return undefined
  if (object === undefined) {
    throw internalError(
      `admission webhook ${JSON.stringify(webhook)} attempted to modify the object, which is not supported for this operation`,
    )
  }
  const patched = patchedBy(operations, object)
  if (!isJsonObject(patched) || !isJsonObject(patched['metadata'])) {
    throw internalError(`admission webhook ${JSON.stringify(webhook)} left no object`)
  }
  return patched as KubeObject
}

function parsed(patch: string): Json {
  try {
    return JSON.parse(patch) as Json
  } catch (error) {
    throw internalError(error instanceof Error ? error.message : String(error), error)
  }
}

function patchedBy(operations: Json, object: KubeObject): Json {
  try {
    return applyJsonPatch(object, operations)
  } catch (error) {
    // The client did nothing wrong: what does not fit is the webhook's patch.
    throw internalError(error instanceof Error ? error.message : String(error), error)
  }
}
