import type { HypervisorFacts } from '../hypervisor/hypervisor.ts'
import type { HostReadiness } from './host-status.ts'

/** What the daemon knows about its hypervisor at this moment. */
export class HostState {
  #facts: HypervisorFacts | undefined
  #machines = 0
  #unmanaged: readonly string[] = []
  #counted = false
  #disconnected: string | undefined

  get facts(): HypervisorFacts | undefined {
    return this.#facts
  }

  get machines(): number {
    return this.#machines
  }

  get unmanaged(): readonly string[] {
    return this.#unmanaged
  }

  get readiness(): HostReadiness {
    if (this.#disconnected !== undefined)
      return {
        reason: 'LibvirtUnavailable',
        message: `libvirt does not answer: ${this.#disconnected}`.slice(0, 512),
      }
    if (!this.#counted)
      return { reason: 'Starting', message: 'The daemon is looking at what runs on the host' }
    return { reason: 'DaemonReady', message: 'The daemon is ready' }
  }

  /** What answers now may be another version than before. */
  connected(): void {
    this.#disconnected = undefined
    this.#facts = undefined
  }

  disconnected(message: string): void {
    this.#disconnected = message
  }

  counted(result: { readonly machines: number; readonly unmanaged: readonly string[] }): void {
    this.#counted = true
    this.#machines = result.machines
    this.#unmanaged = result.unmanaged
  }

  described(facts: HypervisorFacts): void {
    this.#facts = facts
  }
}
