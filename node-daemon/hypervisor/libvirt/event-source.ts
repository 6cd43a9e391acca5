import type { HostEvent, HostState, LibvirtHost } from 'node-libvirt'
import { virConnectDomainEventAgentLifecycleState, virDomainEventType } from 'node-libvirt'
import { EventQueue } from '../event-queue.ts'
import type { DomainStateReason, HypervisorEvent } from '../hypervisor.ts'
import type { EventCondition } from './domain-state.ts'
import { conditionFromEvent, isHostShutdown, isPanic, isWatchdogPowerOff } from './domain-state.ts'

/** Turns libvirt's events into the port's, for any number of consumers. */
export class EventSource {
  readonly #libvirt: LibvirtHost
  readonly #queues = new Set<EventQueue>()
  /** Why domains end, where their state will say less: "shutdown" or "crashed". */
  readonly #causes = new Map<string, DomainStateReason>()
  #lost = false
  readonly #closing = new AbortController()
  readonly #pump: Promise<void>

  constructor(libvirt: LibvirtHost) {
    this.#libvirt = libvirt
    libvirt.on('state', this.#onState)
    this.#pump = this.#follow()
  }

  subscribe(signal: AbortSignal): AsyncIterable<HypervisorEvent> {
    const queue: EventQueue = new EventQueue(signal, { onEnd: () => this.#queues.delete(queue) })
    if (signal.aborted) return queue
    this.#queues.add(queue)
    const { state } = this.#libvirt
    if (state === 'up') queue.add({ type: 'resync' })
    else if (state === 'down') queue.add(this.#disconnected())
    return queue
  }

  /** Says of a shutdown whether it was the guest's, and of a crash whether it was a panic: libvirt's state leaves it open. */
  refine<T extends EventCondition>(uuid: string, condition: T): T {
    const { stateReason } = condition
    const cause = this.#causes.get(uuid)
    const isVague = stateReason === 'guest-shutdown' || (stateReason === 'crashed' && cause === 'panicked')
    return isVague && cause !== undefined ? { ...condition, stateReason: cause } : condition
  }

  /** Ends every consumer's iteration. */
  async close(): Promise<void> {
    this.#libvirt.off('state', this.#onState)
    for (const queue of this.#queues) queue.end()
    this.#closing.abort()
    await this.#pump
  }

  async #follow(): Promise<void> {
    for await (const event of this.#libvirt.listen({ signal: this.#closing.signal })) {
      const translated = this.#translate(event)
      if (translated !== undefined) this.#publish(translated)
    }
  }

  #translate(event: HostEvent): HypervisorEvent | undefined {
    if (event.type === 'resync') return { type: 'resync' }
    if (event.type === 'agentLifecycle') {
      const connected =
        event.state ===
        virConnectDomainEventAgentLifecycleState.VIR_CONNECT_DOMAIN_EVENT_AGENT_LIFECYCLE_STATE_CONNECTED
      return { type: 'agent', uuid: event.dom.uuid, connected }
    }
    if (event.type === 'reboot') return { type: 'reboot', uuid: event.dom.uuid }
    if (event.type === 'watchdog') {
      if (isWatchdogPowerOff(event.action)) this.#causes.set(event.dom.uuid, 'watchdog')
      return undefined
    }
    // `virsh desc` and the like change the stored definition without a word of it among the lifecycle events.
    if (event.type === 'metadataChange') return { type: 'domain', uuid: event.dom.uuid }
    if (event.type !== 'lifecycle') return undefined
    const { uuid } = event.dom
    this.#remember(uuid, event.event, event.detail)
    const condition = conditionFromEvent(event.event, event.detail)
    return { type: 'domain', uuid, ...(condition && this.refine(uuid, condition)) }
  }

  #remember(uuid: string, event: number, detail: number): void {
    if (isPanic(event)) this.#causes.set(uuid, 'panicked')
    if (isHostShutdown(event, detail)) this.#causes.set(uuid, 'destroyed')
    const over =
      event === virDomainEventType.VIR_DOMAIN_EVENT_STARTED ||
      event === virDomainEventType.VIR_DOMAIN_EVENT_UNDEFINED
    if (over) this.#causes.delete(uuid)
  }

  readonly #onState = (state: HostState) => {
    // Each attempt to come back that fails ends in `down` again; the loss is told once.
    if (state === 'down' && !this.#lost) this.#publish(this.#disconnected())
    if (state === 'down') this.#lost = true
    if (state === 'up') this.#lost = false
  }

  #disconnected(): HypervisorEvent {
    const { lastError } = this.#libvirt
    const why = lastError instanceof Error ? lastError.message : 'the connection was lost'
    return { type: 'disconnected', message: `libvirt is not reachable: ${why}` }
  }

  #publish(event: HypervisorEvent): void {
    for (const queue of this.#queues) queue.add(event)
  }
}
