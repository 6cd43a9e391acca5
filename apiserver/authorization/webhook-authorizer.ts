import { sleep, type Clock } from '../../apimachinery/clock.ts'
import type { Json, JsonObject } from '../../crds/meta/json.ts'
import { at, textAt } from '../registry/kube-object.ts'
import type { WebhookClient } from '../webhook/webhook-client.ts'
import { WebhookError } from '../webhook/webhook-error.ts'
import type { Attributes, Authorizer, Decision, GrantedRules } from './authorizer.ts'

export interface WebhookAuthorizerDeps {
  readonly client: Pick<WebhookClient, 'post'>
  /** How long a yes, or anything else, is believed. */
  readonly authorizedTtlMs: number
  readonly unauthorizedTtlMs: number
  readonly clock: Clock
}

interface Remembered {
  readonly decision: Decision
  readonly until: number
}

const callTimeoutMs = 10_000
const attempts = 3
const pauseMs = 500
const mostRemembered = 8192
/** Longer questions are asked anew each time, so that strange ones cannot fill the memory. */
const longestKey = 10_000

/** Asks a service by SubjectAccessReview, and remembers its answers for a while. Throws when it gives none. */
export class WebhookAuthorizer implements Authorizer {
  readonly #deps: WebhookAuthorizerDeps
  readonly #remembered = new Map<string, Remembered>()

  constructor(deps: WebhookAuthorizerDeps) {
    this.#deps = deps
  }

  async authorize(wanted: Attributes, signal: AbortSignal): Promise<Decision> {
    const spec = specOf(wanted)
    const key = JSON.stringify(spec)
    const now = this.#deps.clock.monotonic()
    const known = this.#remembered.get(key)
    if (known && known.until > now) return known.decision
    const decision = decisionOf(await this.#ask(spec, signal))
    this.#remember(key, decision)
    return decision
  }

  async rulesFor(): Promise<GrantedRules> {
    const evaluationError = 'webhook authorizer does not support user rule resolution'
    return { rules: [], incomplete: true, evaluationError }
  }

  async #ask(spec: JsonObject, signal: AbortSignal): Promise<Json> {
    const review = {
      kind: 'SubjectAccessReview',
      apiVersion: 'authorization.k8s.io/v1',
      metadata: {},
      spec,
      status: { allowed: false },
    }
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#deps.client.post(review, { timeoutMs: callTimeoutMs, signal })
      } catch (error) {
        if (attempt === attempts || !isPassing(error)) throw error
        await sleep(this.#deps.clock, pauseMs * attempt, signal)
      }
    }
  }

  #remember(key: string, decision: Decision): void {
    const { clock, authorizedTtlMs, unauthorizedTtlMs } = this.#deps
    const ttl = decision.allowed ? authorizedTtlMs : unauthorizedTtlMs
    if (ttl === 0 || key.length > longestKey) return
    this.#remembered.delete(key)
    this.#remembered.set(key, { decision, until: clock.monotonic() + ttl })
    const [oldest] = this.#remembered.keys()
    if (this.#remembered.size > mostRemembered && oldest !== undefined) this.#remembered.delete(oldest)
  }
}

function specOf({ user, ...wanted }: Attributes): JsonObject {
  const { group, version, resource, subresource, namespace, name, verb, path } = wanted
  const about = wanted.isResource
    ? { resourceAttributes: present({ namespace, verb, group, version, resource, subresource, name }) }
    : { nonResourceAttributes: present({ path, verb }) }
  const { extra } = user
  return {
    ...about,
    ...present({ user: user.name, uid: user.uid ?? '' }),
    ...(user.groups.length > 0 && { groups: [...user.groups] }),
    ...(extra && {
      extra: Object.fromEntries(Object.entries(extra).map(([name, list]) => [name, [...list]])),
    }),
  }
}

function present(fields: Readonly<Record<string, string>>): JsonObject {
  return Object.fromEntries(Object.entries(fields).filter(([, text]) => text !== ''))
}

function decisionOf(review: Json): Decision {
  const allowed = at(review, 'status', 'allowed') === true
  const denied = at(review, 'status', 'denied') === true
  if (allowed && denied) {
    throw new Error('webhook subject access review returned both allow and deny response')
  }
  return { allowed, ...(denied && { denied }), reason: textAt(review, 'status', 'reason') }
}

/** Whether asking again may help. */
function isPassing(error: unknown): boolean {
  if (!(error instanceof WebhookError)) return false
  if (error.failure === 'status') return error.code === 429 || (error.code ?? 0) >= 500
  return error.failure === 'unreachable' || error.failure === 'timeout'
}
