import { randomUUID } from 'node:crypto'
import type { Logger } from '../../../apimachinery/log.ts'
import { StatusError } from '../../../apimachinery/status-error.ts'
import type { Json } from '../../../crds/meta/json.ts'
import type { Authorizer } from '../../authorization/authorizer.ts'
import type { WebhookClients } from '../../webhook/webhook-clients.ts'
import { WebhookError } from '../../webhook/webhook-error.ts'
import type { AdmissionRequest } from '../admission.ts'
import { forbiddenByAdmission, inVersion, requestFields, type Shown } from '../attributes.ts'
import { aggregated } from '../cel/conditions.ts'
import { ExpressionValues } from '../cel/values.ts'
import type { MatchDeps } from '../matching/criteria.ts'
import type { CompiledWebhook } from './compiled-webhook.ts'
import { InvalidReview, readReview, reviewOf, type ReviewResult } from './review.ts'
import { CallFailure, denialOf, dryRunUnsupported } from './webhook-errors.ts'

export interface WebhookDeps extends MatchDeps {
  readonly clients: WebhookClients
  readonly authorizer: Authorizer
  readonly log: Logger
}

/** A webhook that has to be called for a request, and what it is shown. */
export interface Invocation {
  readonly webhook: CompiledWebhook
  readonly shown: Shown
}

/** Whether a webhook wants to see a request. Throws Forbidden when its conditions fail and it fails closed. */
export async function invocationOf(
  deps: WebhookDeps,
  webhook: CompiledWebhook,
  request: AdmissionRequest,
): Promise<Invocation | undefined> {
  const shown = await webhook.criteria.match(request, deps)
  if (shown === undefined) return undefined
  if (webhook.conditions.empty) return { webhook, shown }
  const values = new ExpressionValues(
    { request, shown, ...(await objectsShown(request, shown)) },
    deps.authorizer,
  )
  const { matches, errors } = await webhook.conditions.match(values)
  if (matches) return { webhook, shown }
  if (errors.length === 0 || webhook.failOpen) return undefined
  throw forbiddenByAdmission(request, aggregated(errors))
}

/** The objects of a request in the version that somebody is shown. */
export async function objectsShown(
  { definition, object, current }: AdmissionRequest,
  shown: Shown,
): Promise<Pick<AdmissionRequest, 'object' | 'current'>> {
  return {
    object: object && (await inVersion(definition, shown.definition, object)),
    current: current && (await inVersion(definition, shown.definition, current)),
  }
}

/**
 * Calls a webhook and takes over its warnings and annotations. Throws CallFailure when there is no usable answer, and
 * a StatusError for a refusal or a dry run that it cannot take part in.
 */
export async function callWebhook(
  deps: WebhookDeps,
  { webhook, shown }: Invocation,
  request: AdmissionRequest,
  mutating: boolean,
): Promise<{ result: ReviewResult; object: AdmissionRequest['object'] }> {
  if (request.dryRun && !webhook.dryRunSafe) throw dryRunUnsupported(webhook.name)
  const uid = randomUUID()
  const { reviewVersion: version, name } = webhook
  const objects = await objectsShown(request, shown)
  const review = reviewOf(uid, version, requestFields(request, shown), objects)
  const answer = await post(deps, webhook, review, request.signal)
  const result = readAnswer(answer, { uid, version, mutating }, name)
  for (const [key, value] of Object.entries(result.annotations)) {
    request.annotations.set(`${name}/${key}`, value)
  }
  for (const warning of result.warnings) {
    if (!request.warnings.includes(warning)) request.warnings.push(warning)
  }
  if (!result.allowed) throw denialOf(name, result.status)
  return { result, object: objects.object }
}

async function post(
  { clients }: WebhookDeps,
  { clientConfig, timeoutSeconds, name }: CompiledWebhook,
  review: object,
  signal: AbortSignal,
): Promise<Json> {
  try {
    return await clients.get(clientConfig).post(review, {
      timeoutMs: timeoutSeconds * 1000,
      signal,
      query: { timeout: `${timeoutSeconds}s` },
    })
  } catch (error) {
    if (!(error instanceof WebhookError)) throw error
    throw new CallFailure(name, `failed to call webhook: ${error.message}`, error)
  }
}

function readAnswer(answer: Json, expected: Parameters<typeof readReview>[1], name: string): ReviewResult {
  try {
    return readReview(answer, expected)
  } catch (error) {
    if (!(error instanceof InvalidReview)) throw error
    throw new CallFailure(name, `received invalid webhook response: ${error.message}`, error)
  }
}

/** Throws when the request itself is over, so that going on without a webhook would be pointless. */
export function checkStillWanted({ signal }: AdmissionRequest): void {
  if (!signal.aborted) return
  if (signal.reason instanceof StatusError) throw signal.reason
  throw new StatusError('Timeout', 'request did not complete within requested timeout')
}
