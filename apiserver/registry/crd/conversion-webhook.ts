import { randomUUID } from 'node:crypto'
import type { JsonObject } from '../../../crds/meta/json.ts'
import { FailedCallError } from '../../webhook/failed-call.ts'
import type { WebhookClients } from '../../webhook/webhook-clients.ts'
import { WebhookError } from '../../webhook/webhook-error.ts'
import { objectAt, stringsAt, type KubeObject } from '../kube-object.ts'
import {
  acceptConverted,
  convertedObjects,
  ConversionFault,
  reviewOf,
  reviewVersions,
  type ReviewVersion,
} from './conversion-review.ts'

/** What Kubernetes allows a conversion to take. */
const timeoutMs = 30_000
/** As many objects of common size as one request carries comfortably; longer lists take several requests. */
const maxBatch = 500
const maxAnswerBytes = 64 * 1024 * 1024

/** Converts objects of one CRD by asking the webhook in its `spec.conversion`. */
export class ConversionWebhook {
  readonly #clients: WebhookClients
  readonly #config: JsonObject
  readonly #reviewVersion: ReviewVersion | undefined
  readonly #signal: AbortSignal

  /** `webhook` is the CRD's `spec.conversion.webhook`; calls end with `signal`. */
  constructor(clients: WebhookClients, webhook: JsonObject, signal: AbortSignal) {
    this.#clients = clients
    this.#config = objectAt(webhook, 'clientConfig')
    const understood = stringsAt(webhook, 'conversionReviewVersions')
    this.#reviewVersion = understood.find(isReviewVersion)
    this.#signal = signal
  }

  /** Into `apiVersion`, one answer per object and in order; those in that version already are not sent. Throws StatusError. */
  async convert(objects: readonly KubeObject[], apiVersion: string): Promise<KubeObject[]> {
    const converted = [...objects]
    const places = [...objects.keys()].filter((index) => objects[index]?.apiVersion !== apiVersion)
    for (let start = 0; start < places.length; start += maxBatch) {
      const batch = places.slice(start, start + maxBatch)
      const answers = await this.#ask(
        batch.flatMap((index) => objects[index] ?? []),
        apiVersion,
      )
      for (const [at, index] of batch.entries()) {
        const answer = answers[at]
        if (answer) converted[index] = answer
      }
    }
    return converted
  }

  async #ask(objects: readonly KubeObject[], desiredAPIVersion: string): Promise<KubeObject[]> {
    const [first] = objects
    if (first === undefined) return []
    const webhook = `conversion webhook for ${first.apiVersion}, Kind=${first.kind}`
    try {
      const answers = await this.#call(objects, desiredAPIVersion)
      if (answers.length !== objects.length) {
        throw new ConversionFault(`returned ${answers.length} objects, expected ${objects.length}`)
      }
      const count = objects.length
      return objects.map((object, index) =>
        acceptConverted(object, answers[index], desiredAPIVersion, { index, count }),
      )
    } catch (error) {
      if (error instanceof WebhookError)
        throw new FailedCallError(`${webhook} failed: ${error.message}`, error)
      if (error instanceof ConversionFault) throw new FailedCallError(`${webhook} ${error.message}`, error)
      throw error
    }
  }

  async #call(objects: readonly KubeObject[], desiredAPIVersion: string) {
    const version = this.#reviewVersion
    if (version === undefined) throw new ConversionFault('failed: no supported conversion review versions')
    const uid = randomUUID()
    const client = this.#clients.get(this.#config)
    const review = reviewOf(version, { uid, desiredAPIVersion, objects })
    const answer = await client.post(review, { timeoutMs, signal: this.#signal, maxAnswerBytes })
    try {
      return convertedObjects(answer, version, uid)
    } catch (error) {
      if (!(error instanceof ConversionFault)) throw error
      throw new ConversionFault(`failed: ${error.message}`, { cause: error })
    }
  }
}

function isReviewVersion(text: string): text is ReviewVersion {
  return (reviewVersions as readonly string[]).includes(text)
}
