import type { Clock } from '../../apimachinery/clock.ts'
import { WebhookClient } from './webhook-client.ts'
import { endpointOf, type ResolveService, type WebhookClientConfig } from './webhook-endpoint.ts'

// More webhooks than anybody configures; one more costs a handshake per call at worst.
const maxClients = 128

/** Clients by their configuration, so that objects which name the same webhook share connections. */
export class WebhookClients {
  readonly #clock: Clock
  readonly #resolveService: ResolveService | undefined
  /** The least recently used first. */
  readonly #clients = new Map<string, WebhookClient>()

  constructor(clock: Clock, resolveService?: ResolveService) {
    this.#clock = clock
    this.#resolveService = resolveService
  }

  /** Throws WebhookError `config` when the webhook cannot be called at all. */
  get(config: WebhookClientConfig): WebhookClient {
    const id = JSON.stringify([config.url, config.service, config.caBundle])
    const client =
      this.#clients.get(id) ?? new WebhookClient(endpointOf(config, this.#resolveService), this.#clock)
    this.#clients.delete(id)
    this.#clients.set(id, client)
    if (this.#clients.size > maxClients) this.#dropOldest()
    return client
  }

  close(): void {
    for (const client of this.#clients.values()) client.close()
    this.#clients.clear()
  }

  #dropOldest(): void {
    const [oldest] = this.#clients
    if (!oldest) return
    this.#clients.delete(oldest[0])
    oldest[1].close()
  }
}
