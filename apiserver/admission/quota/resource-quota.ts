import type { AdmissionPlugin, AdmissionRequest } from '../admission.ts'
import { looksInside, usageOf } from './measures.ts'
import type { QuotaAccounts } from './quota-accounts.ts'
import { increase, noUsage, type Usage } from './usage.ts'

/** Refuses writes that would take more than the quotas of their namespace leave. */
export class ResourceQuota implements AdmissionPlugin {
  readonly name = 'ResourceQuota'
  readonly #accounts: QuotaAccounts
  readonly #inForce: (namespace: string) => boolean
  /** What a request has been charged, by its annotations, which stay the same when it is tried again. */
  readonly #charged = new WeakMap<AdmissionRequest['annotations'], Usage>()

  /** `inForce` tells whether a namespace has quotas at all. */
  constructor(accounts: QuotaAccounts, inForce: (namespace: string) => boolean) {
    this.#accounts = accounts
    this.#inForce = inForce
  }

  handles({ operation, definition, namespace, subresource, user, object }: AdmissionRequest): boolean {
    if (subresource !== '' || object === undefined || user === undefined) return false
    if (!definition.namespaced || !this.#inForce(namespace)) return false
    return operation === 'CREATE' || (operation === 'UPDATE' && looksInside(definition))
  }

  async validate(request: AdmissionRequest): Promise<void> {
    const { definition, namespace, object, current, annotations } = request
    if (object === undefined) return
    const before = current ? usageOf(definition, current) : noUsage
    const wanted = increase(usageOf(definition, object), before)
    const due = increase(wanted, this.#charged.get(annotations) ?? noUsage)
    if (due.size === 0) return
    await this.#accounts.charge(namespace, due, request)
    if (!request.dryRun) this.#charged.set(annotations, wanted)
  }
}
