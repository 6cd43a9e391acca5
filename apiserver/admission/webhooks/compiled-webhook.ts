import { at, objectAt, objectsAt, stringsAt, textAt, type KubeObject } from '../../registry/kube-object.ts'
import type { JsonObject } from '../../../crds/meta/json.ts'
import type { WebhookClientConfig } from '../../webhook/webhook-endpoint.ts'
import { MatchConditions } from '../cel/conditions.ts'
import { Criteria } from '../matching/criteria.ts'

export type ReviewVersion = 'v1' | 'v1beta1'

/** A webhook of a configuration, ready to be matched and called. */
export interface CompiledWebhook {
  /** Tells it apart from all others. */
  readonly id: string
  readonly configuration: string
  readonly name: string
  readonly criteria: Criteria
  readonly conditions: MatchConditions
  readonly clientConfig: WebhookClientConfig
  readonly failOpen: boolean
  readonly dryRunSafe: boolean
  readonly timeoutSeconds: number
  /** It asks to be called again when the object was changed after its call. */
  readonly repeatable: boolean
  readonly reviewVersion: ReviewVersion
}

/** The webhooks of a configuration, in order. Throws a StatusError when one cannot be used. */
export function compileWebhooks(configuration: KubeObject): CompiledWebhook[] {
  const { name: owner = '' } = configuration.metadata
  return objectsAt(configuration, 'webhooks').map((webhook) => compile(owner, webhook))
}

function compile(owner: string, webhook: JsonObject): CompiledWebhook {
  const name = textAt(webhook, 'name')
  const sideEffects = textAt(webhook, 'sideEffects')
  const seconds = at(webhook, 'timeoutSeconds')
  const version = stringsAt(webhook, 'admissionReviewVersions').find(isReviewVersion)
  return {
    id: `${owner}/${name}`,
    configuration: owner,
    name,
    criteria: new Criteria(webhook, 'rules'),
    conditions: new MatchConditions(webhook),
    clientConfig: objectAt(webhook, 'clientConfig') as WebhookClientConfig,
    failOpen: textAt(webhook, 'failurePolicy') === 'Ignore',
    dryRunSafe: sideEffects === 'None' || sideEffects === 'NoneOnDryRun',
    timeoutSeconds: typeof seconds === 'number' ? seconds : 10,
    repeatable: textAt(webhook, 'reinvocationPolicy') === 'IfNeeded',
    reviewVersion: version ?? 'v1',
  }
}

function isReviewVersion(text: string): text is ReviewVersion {
  return text === 'v1' || text === 'v1beta1'
}
