import type { Clock } from '../../apimachinery/clock.ts'
import type { Logger } from '../../apimachinery/log.ts'
import type { GuestFacts, Hypervisor } from '../hypervisor/hypervisor.ts'
import { KeyedLoop } from '../loop/keyed-loop.ts'
import { hasAddress } from './guest-status.ts'

/** What is known about a guest. `facts` are the last that its agent told. */
export interface GuestState {
  /** Undefined while it has not been asked yet. */
  readonly connected: boolean | undefined
  readonly facts: GuestFacts | undefined
}

export interface GuestWatchOptions {
  readonly hypervisor: Pick<Hypervisor, 'guestFacts'>
  readonly clock: Clock
  readonly log: Logger
  /** Called with the domain's UUID when what is known about its guest has changed. */
  readonly onChange: (uuid: string) => void
}

const agentTimeoutMs = 3_000
// Until the guest has an address somebody waits for it.
const waitingForAddressMs = 2_000
const settledMs = 30_000
// An agent that never answers is asked less and less; its connecting is an event.
const silentFirstMs = 1_000
const silentMaxMs = 60_000
// One that has connected is there, only slow: a guest that boots on a busy host.
const connectedMaxMs = 4_000
// Agents that hang must not keep the rest of the host's waiting.
const concurrency = 4

interface Watched {
  state: GuestState
  silentMs: number
  /** By the hypervisor's word. */
  channelOpen: boolean
}

const unknownGuest: GuestState = { connected: undefined, facts: undefined }

/** Asks guest agents, never in the way of anything else: whoever wants to know reads what was heard last. */
export class GuestWatch {
  readonly #options: GuestWatchOptions
  readonly #guests = new Map<string, Watched>()
  readonly #loop: KeyedLoop

  constructor(options: GuestWatchOptions) {
    this.#options = options
    const { clock, log } = options
    const run = (uuid: string, signal: AbortSignal) => this.#ask(uuid, signal)
    this.#loop = new KeyedLoop({ name: 'guest', clock, log, concurrency, run })
    this.#loop.start()
  }

  /** Begins to watch a machine that runs, if that has not been done. */
  watch(uuid: string): GuestState {
    const known = this.#guests.get(uuid)
    if (known !== undefined) return known.state
    this.#guests.set(uuid, { state: unknownGuest, silentMs: silentFirstMs, channelOpen: false })
    this.#loop.enqueue(uuid)
    return unknownGuest
  }

  forget(uuid: string): void {
    this.#guests.delete(uuid)
  }

  /** The agent has connected or gone, as the hypervisor tells. */
  agentChanged(uuid: string, connected: boolean): void {
    const guest = this.#guests.get(uuid)
    if (guest === undefined) return
    guest.channelOpen = connected
    if (connected) {
      guest.silentMs = silentFirstMs
      this.#loop.enqueue(uuid)
    } else this.#hear(uuid, guest, undefined)
  }

  stop(): Promise<void> {
    return this.#loop.stop()
  }

  async #ask(uuid: string, signal: AbortSignal): Promise<number | undefined> {
    const guest = this.#guests.get(uuid)
    if (guest === undefined) return undefined
    const facts = await this.#options.hypervisor
      .guestFacts(uuid, agentTimeoutMs, signal)
      .catch((error: unknown) => {
        this.#options.log.debug('Guest agent could not be asked', { uuid, error })
        return undefined
      })
    if (this.#guests.get(uuid) !== guest) return undefined
    this.#hear(uuid, guest, facts)
    if (facts !== undefined) return hasAddress(facts) ? settledMs : waitingForAddressMs
    const waitMs = guest.silentMs
    guest.silentMs = Math.min(guest.channelOpen ? connectedMaxMs : silentMaxMs, waitMs * 2)
    return waitMs
  }

  #hear(uuid: string, guest: Watched, facts: GuestFacts | undefined): void {
    const before = guest.state
    guest.state = { connected: facts !== undefined, facts: facts ?? before.facts }
    if (JSON.stringify(before) !== JSON.stringify(guest.state)) this.#options.onChange(uuid)
  }
}
