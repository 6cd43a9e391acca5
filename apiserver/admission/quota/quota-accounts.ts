import { isNotFound, notFound, type StatusError } from '../../../apimachinery/status-error.ts'
import type { KubeObject } from '../../registry/kube-object.ts'
import type { ObjectStore } from '../../registry/object-store.ts'
import { prefixOf, type ResourceDefinition } from '../../registry/resource-definition.ts'
import type { AdmissionRequest } from '../admission.ts'
import { forbiddenByAdmission } from '../attributes.ts'
import { hasScopes, limitsOf, usedOf, withUsed } from './quota.ts'
import { added, exceeding, masked, subtracted, usageText, type Usage } from './usage.ts'

export interface AccountDeps {
  readonly objects: ObjectStore
  readonly definition: ResourceDefinition
  readonly signal: AbortSignal
}

/** A write that wants to use more. */
interface Charge {
  readonly request: AdmissionRequest
  readonly usage: Usage
  error: unknown
  /** Keys of the quotas that it has been charged to. */
  readonly paid: string[]
  readonly done: () => void
}

/**
 * Charges writes to the quotas of their namespaces before they are stored, by compare-and-swap on the quotas' status.
 * Writes of one namespace that come at the same time are charged together.
 */
export class QuotaAccounts {
  readonly #deps: AccountDeps
  readonly #waiting = new Map<string, Charge[]>()

  constructor(deps: AccountDeps) {
    this.#deps = deps
  }

  /** Throws Forbidden when a quota has too little left; then nothing is charged. */
  async charge(namespace: string, usage: Usage, request: AdmissionRequest): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const charge: Charge = { request, usage, error: undefined, paid: [], done: resolve }
    const waiting = this.#waiting.get(namespace)
    if (waiting) waiting.push(charge)
    else {
      this.#waiting.set(namespace, [charge])
      void this.#serve(namespace)
    }
    await promise
    if (charge.error !== undefined) throw charge.error
  }

  async #serve(namespace: string): Promise<void> {
    for (;;) {
      const batch = this.#waiting.get(namespace) ?? []
      if (batch.length === 0) break
      this.#waiting.set(namespace, [])
      await this.#settle(namespace, batch)
      for (const { done } of batch) done()
    }
    this.#waiting.delete(namespace)
  }

  async #settle(namespace: string, batch: readonly Charge[]): Promise<void> {
    try {
      const { objects, definition, signal } = this.#deps
      const cache = await objects.cache(definition, signal)
      for (const { key, object } of cache.list(prefixOf(definition, namespace))) {
        const limits = limitsOf(object as KubeObject)
        const concerned = batch.filter(({ usage }) => [...usage.keys()].some((name) => limits.has(name)))
        await this.#chargeTo(key, concerned)
      }
    } catch (error) {
      for (const charge of batch) charge.error ??= error
    }
    await this.#refund(batch.filter(({ error }) => error !== undefined))
  }

  async #chargeTo(key: string, batch: readonly Charge[]): Promise<void> {
    let refusals = new Map<Charge, StatusError>()
    const paying = batch.filter(({ error }) => error === undefined)
    if (paying.length === 0) return
    let accepted: Charge[] = []
    await this.#change(key, (quota) => {
      const counted = count(quota, paying)
      ;({ refusals, accepted } = counted)
      return accepted.length > 0 ? withUsed(quota, counted.used) : quota
    })
    for (const charge of accepted) charge.paid.push(key)
    for (const [charge, error] of refusals) charge.error = error
  }

  /** What one quota refuses has been charged to those before it. */
  async #refund(refused: readonly Charge[]): Promise<void> {
    for (const key of new Set(refused.flatMap(({ paid }) => paid))) {
      const owed = refused.filter(({ paid }) => paid.includes(key))
      await this.#change(key, (quota) =>
        withUsed(
          quota,
          owed.reduce((used, { usage }) => subtracted(used, usage), usedOf(quota)),
        ),
      ).catch(() => {
        // The next count puts it right.
      })
    }
  }

  async #change(key: string, edit: (quota: KubeObject) => KubeObject): Promise<void> {
    const { objects, definition, signal } = this.#deps
    try {
      await objects.change(
        definition,
        key,
        (quota) => {
          if (!quota) throw notFound({ group: '', resource: definition.plural }, key)
          return { type: 'write', object: edit(quota) }
        },
        { dryRun: false, signal },
      )
    } catch (error) {
      if (!isNotFound(error)) throw error
    }
  }
}

/** What a quota says to charges, one after the other. */
function count(
  quota: KubeObject,
  charges: readonly Charge[],
): { used: Usage; accepted: Charge[]; refusals: Map<Charge, StatusError> } {
  const refusals = new Map<Charge, StatusError>()
  const accepted: Charge[] = []
  let used = usedOf(quota)
  if (hasScopes(quota)) return { used, accepted, refusals }
  const limits = limitsOf(quota)
  for (const charge of charges) {
    const requested = masked(charge.usage, (name) => limits.has(name))
    if (requested.size === 0) continue
    const why = refusal(quota, { requested, used, limits })
    if (why !== undefined) refusals.set(charge, forbiddenByAdmission(charge.request, why))
    else if (!charge.request.dryRun) {
      used = added(used, requested)
      accepted.push(charge)
    }
  }
  return { used, accepted, refusals }
}

function refusal(
  { metadata: { name = '' } }: KubeObject,
  { requested, used, limits }: { requested: Usage; used: Usage; limits: Usage },
): string | undefined {
  const unknown = [...requested.keys()].filter((resource) => !used.has(resource))
  if (unknown.length > 0)
    return `status unknown for quota: ${name}, resources: ${unknown.toSorted().join(',')}`
  const names = exceeding(
    masked(added(used, requested), (resource) => requested.has(resource)),
    limits,
  )
  if (names.size === 0) return undefined
  const shown = (usage: Usage) => usageText(masked(usage, (resource) => names.has(resource)))
  return `exceeded quota: ${name}, requested: ${shown(requested)}, used: ${shown(used)}, limited: ${shown(limits)}`
}
