import type { AdmissionPlugin, AdmissionRequest } from '../admission.ts'
import { configuresAdmission } from '../attributes.ts'
import type { Configurations } from '../configurations.ts'
import { callWebhook, checkStillWanted, invocationOf, type Invocation, type WebhookDeps } from './caller.ts'
import type { CompiledWebhook } from './compiled-webhook.ts'
import { CallFailure, internalError } from './webhook-errors.ts'

/** Shows writes to the webhooks of all ValidatingWebhookConfigurations, all at the same time. */
export class ValidatingWebhooks implements AdmissionPlugin {
  readonly name = 'ValidatingAdmissionWebhook'
  readonly #deps: WebhookDeps
  readonly #configurations: Configurations<CompiledWebhook[]>

  constructor(deps: WebhookDeps, configurations: Configurations<CompiledWebhook[]>) {
    this.#deps = deps
    this.#configurations = configurations
  }

  handles({ user, definition }: AdmissionRequest): boolean {
    return this.#configurations.all.length > 0 && user !== undefined && !configuresAdmission(definition)
  }

  async validate(request: AdmissionRequest): Promise<void> {
    const invocations: Invocation[] = []
    for (const webhook of this.#configurations.all.flat()) {
      const invocation = await invocationOf(this.#deps, webhook, request)
      if (invocation) invocations.push(invocation)
    }
    const results = await Promise.allSettled(
      invocations.map((invocation, index) => this.#call(invocation, request, index)),
    )
    // Whichever answered first, the same request is refused with the same words.
    for (const result of results) if (result.status === 'rejected') throw result.reason
  }

  async #call(invocation: Invocation, request: AdmissionRequest, index: number): Promise<void> {
    const { webhook } = invocation
    try {
      await callWebhook(this.#deps, invocation, request, false)
    } catch (error) {
      if (!(error instanceof CallFailure)) throw error
      if (!webhook.failOpen) throw internalError(error.message, error)
      checkStillWanted(request)
      this.#deps.log.warn('Webhook failed and is left out', { webhook: webhook.name, error })
      const key = `failed-open.validating.webhook.admission.k8s.io/round_0_index_${index}`
      request.annotations.set(key, webhook.name)
    }
  }
}
