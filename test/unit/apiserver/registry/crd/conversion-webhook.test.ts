import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { systemClock } from '../../../../../apimachinery/clock.ts'
import type { JsonObject } from '../../../../../crds/meta/json.ts'
import { ConversionWebhook } from '../../../../../apiserver/registry/crd/conversion-webhook.ts'
import type { KubeObject } from '../../../../../apiserver/registry/kube-object.ts'
import { WebhookClients } from '../../../../../apiserver/webhook/webhook-clients.ts'
import { startHttpsWebhook, type HttpsWebhook, type Received } from '../../../../support/https-webhook.ts'

const [from, to] = ['test.example.org/v1', 'test.example.org/v2']

let webhook: HttpsWebhook
let clients: WebhookClients
beforeEach(async () => {
  clients = new WebhookClients(systemClock)
  webhook = await startHttpsWebhook(() => {})
})
afterEach(async () => {
  clients.close()
  await webhook.close()
})

function converter(reviewVersions = ['v1']): ConversionWebhook {
  const config = { url: webhook.url, caBundle: webhook.caBundle }
  const stanza = { clientConfig: config, conversionReviewVersions: reviewVersions }
  return new ConversionWebhook(clients, stanza, AbortSignal.timeout(60_000))
}

function anObject(name: string, more: Partial<KubeObject['metadata']> = {}, apiVersion = from): KubeObject {
  return { apiVersion, kind: 'Thing', metadata: { name, namespace: 'default', uid: `uid-${name}`, ...more } }
}

interface Asked {
  readonly request: { readonly uid: string; readonly objects: KubeObject[] }
}
const asked = ({ body }: Received) => (body as Asked).request

/** Answers with what `edit` makes of a correct answer. */
function answer(edit: (response: JsonObject, review: JsonObject) => void, change = same): void {
  webhook.respond((received, http) => {
    const { uid, objects } = asked(received)
    const convertedObjects = objects.map((object) => change({ ...object, apiVersion: to }))
    const response: JsonObject = { uid, result: { status: 'Success' }, convertedObjects }
    const review: JsonObject = {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'ConversionReview',
      response,
    }
    edit(response, review)
    http.end(JSON.stringify(review))
  })
}
const same = (object: KubeObject): JsonObject => object
const asIs = () => {}

describe('a conversion webhook', () => {
  test('is asked for the objects in another version only, in order and in batches', async () => {
    answer(asIs)
    const objects = Array.from({ length: 1200 }, (_, index) =>
      anObject(`o${index}`, {}, index % 3 === 0 ? to : from),
    )

    const converted = await converter().convert(objects, to)

    expect(converted.map(({ metadata }) => metadata.name)).toEqual(
      objects.map(({ metadata }) => metadata.name),
    )
    expect(converted.every(({ apiVersion }) => apiVersion === to)).toBe(true)
    expect(webhook.received.map((received) => asked(received).objects.length)).toEqual([500, 300])
  })

  test('may change labels and annotations, and nothing else of the metadata', async () => {
    answer(asIs, (object) => ({
      ...object,
      metadata: { ...object.metadata, labels: { new: 'yes' }, finalizers: ['mine'], generation: 7 },
    }))
    const original = anObject('one', { annotations: { a: 'b' }, finalizers: ['f.example.org/x'] })

    const [converted] = await converter().convert([original], to)

    expect(converted?.metadata).toEqual({ ...original.metadata, labels: { new: 'yes' } })
  })

  test.each<[string, (response: JsonObject, review: JsonObject) => void, string]>([
    ['another uid', (response) => void (response['uid'] = 'other'), 'failed: expected response.uid='],
    [
      'another kind of answer',
      (_response, review) => void (review['kind'] = 'AdmissionReview'),
      'failed: expected webhook response of apiextensions.k8s.io/v1, Kind=ConversionReview, got apiextensions.k8s.io/v1, Kind=AdmissionReview',
    ],
    ['no response', (_response, review) => void delete review['response'], 'failed: no response provided'],
    [
      'a failure with a message',
      (response) => void (response['result'] = { status: 'Failure', message: 'not today' }),
      'failed: not today',
    ],
    [
      'a failure without one',
      (response) => void (response['result'] = { status: 'Failure' }),
      "failed: response.result.status was 'Failure', not 'Success'",
    ],
    [
      'too few objects',
      (response) => void (response['convertedObjects'] = []),
      'returned 0 objects, expected 1',
    ],
  ])('may not answer with %s', async (_name, edit, expected) => {
    answer(edit)

    await expect(converter().convert([anObject('one')], to)).rejects.toThrow(
      `conversion webhook for ${from}, Kind=Thing ${expected}`,
    )
  })

  const metadataWith = (change: JsonObject) => (object: KubeObject) => ({
    ...object,
    metadata: { ...object.metadata, ...change },
  })

  test.each<[string, (object: KubeObject) => JsonObject, string]>([
    [
      'another version',
      (object) => ({ ...object, apiVersion: from }),
      `object at index 0: invalid groupVersion (expected ${to}, received ${from})`,
    ],
    [
      'another kind',
      (object) => ({ ...object, kind: 'Other' }),
      'object at index 0: invalid kind (expected Thing, received Other)',
    ],
    ['another name', metadataWith({ name: 'two' }), 'object: must have the same name: one != two'],
    ['another uid', metadataWith({ uid: 'x' }), 'object: must have the same UID: uid-one != x'],
    [
      'labels that are no text',
      metadataWith({ labels: { a: 1 } }),
      'metadata: metadata.labels[a] must be a string, but is number in converted object',
    ],
    ['labels that are not allowed', metadataWith({ labels: { 'a b': 'c' } }), 'metadata: metadata.labels: '],
  ])('may not give an object %s', async (_name, change, expected) => {
    answer(asIs, change)

    await expect(converter().convert([anObject('one')], to)).rejects.toThrow(
      `conversion webhook for ${from}, Kind=Thing returned invalid ${expected}`,
    )
  })

  test('of the old review version is taken at its word', async () => {
    answer((response, review) => {
      delete response['uid']
      review['apiVersion'] = 'apiextensions.k8s.io/v1beta1'
    })

    const [converted] = await converter(['v1beta1', 'v1']).convert([anObject('one')], to)

    expect(converted?.apiVersion).toBe(to)
    expect(webhook.received[0]?.body).toMatchObject({ apiVersion: 'apiextensions.k8s.io/v1beta1' })
  })
})
