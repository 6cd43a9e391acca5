import { vi } from 'vitest'
import type { JsonObject } from '../../../crds/meta/json.ts'
import { startHttpsWebhook, type HttpsWebhook, type Received } from '../../support/https-webhook.ts'
import type { ApiBody, ApiClient } from './api-client.ts'

export const registration = '/apis/admissionregistration.k8s.io/v1'

/** What a webhook says to a request; `undefined` allows it. */
export type Decide = (request: ApiBody) => JsonObject | undefined

export interface AdmissionWebhook extends HttpsWebhook {
  /** The `request` parts of the reviews so far. */
  requests(): ApiBody[]
  decide(next: Decide): void
}

/** A webhook over TLS that answers with well-formed reviews. */
export async function startAdmissionWebhook(decide: Decide = () => undefined): Promise<AdmissionWebhook> {
  let current = decide
  const webhook = await startHttpsWebhook(({ body }, response) => {
    const review = body as { apiVersion: string; request: ApiBody }
    const answer = {
      apiVersion: review.apiVersion,
      kind: 'AdmissionReview',
      response: { uid: review.request.uid, allowed: true, ...current(review.request) },
    }
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer))
  })
  return {
    ...webhook,
    requests: () => webhook.received.map((received: Received) => (received.body as ApiBody).request),
    decide: (next) => void (current = next),
  }
}

/** A JSON patch as webhooks answer with it. */
export function patchAnswer(...operations: JsonObject[]): JsonObject {
  return { patchType: 'JSONPatch', patch: Buffer.from(JSON.stringify(operations)).toString('base64') }
}

export interface Registration {
  readonly kind: 'Mutating' | 'Validating'
  readonly name: string
  readonly webhooks: readonly JsonObject[]
}

/** A webhook of a configuration with everything that it needs; `more` replaces what differs. */
export function webhookEntry(
  { url, caBundle }: Pick<HttpsWebhook, 'url' | 'caBundle'>,
  label: string,
  more: JsonObject = {},
): JsonObject {
  return {
    name: `${label}.example.org`,
    clientConfig: { url, caBundle },
    rules: [
      { operations: ['CREATE', 'UPDATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'] },
    ],
    objectSelector: { matchLabels: { test: label } },
    sideEffects: 'None',
    admissionReviewVersions: ['v1'],
    ...more,
  }
}

export async function register(api: ApiClient, { kind, name, webhooks }: Registration): Promise<void> {
  const answer = await api.post(`${registration}/${kind.toLowerCase()}webhookconfigurations`, {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: `${kind}WebhookConfiguration`,
    metadata: { name },
    webhooks,
  })
  if (answer.code !== 201) throw new Error(answer.text)
}

export const configMapsPath = '/api/v1/namespaces/default/configmaps'

/** A ConfigMap that the webhooks with that label are called for. */
export function labelled(
  label: string,
  name: string,
  data: Record<string, string> = { some: 'thing' },
): JsonObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, labels: { test: label } }, data }
}

/** Resolves once the server calls the webhook for objects with that label. */
export async function whenCalled(api: ApiClient, webhook: AdmissionWebhook, label: string): Promise<void> {
  const before = webhook.received.length
  await vi.waitUntil(
    async () => {
      await api.post(`${configMapsPath}?dryRun=All`, labelled(label, 'probe'))
      return webhook.received.length > before
    },
    { timeout: 30_000 },
  )
}
