import { Duplex } from 'node:stream'
import type { DomainSpec } from '../domain-spec.ts'
import type { DomainStateReason, GuestFacts, ObservedDomain } from '../hypervisor.ts'

/** A domain of the fake hypervisor, as its parts share it. */
export interface FakeDomain {
  readonly uuid: string
  readonly name: string
  /** Undefined for a domain that is not ours. */
  spec: DomainSpec | undefined
  state: ObservedDomain['state']
  stateReason: DomainStateReason
  /** What the guest agent would say; undefined while none answers. */
  guest: GuestFacts | undefined
  /** The guest hears a shutdown request and does nothing. */
  ignoresShutdown: boolean
  console: Duplex | undefined
  /** Sizes in bytes of disks that were resized, by path. */
  readonly diskBytes: Map<string, number>
  /** The stored definition; undefined once somebody removed it. */
  definition: string | undefined
  /** Cancels what the guest would have done later: obeying a shutdown, its agent coming up. */
  cancelLater: (() => void)[]
}

export function observe(domain: FakeDomain): ObservedDomain {
  return {
    uuid: domain.uuid,
    name: domain.name,
    owner: domain.spec?.owner,
    state: domain.state,
    stateReason: domain.stateReason,
  }
}

/** A domain that is off and that nobody owns yet. */
export function newDomain(uuid: string, name: string): FakeDomain {
  return {
    uuid,
    name,
    spec: undefined,
    state: 'shut-off',
    stateReason: 'unknown',
    guest: undefined,
    ignoresShutdown: false,
    console: undefined,
    diskBytes: new Map(),
    definition: undefined,
    cancelLater: [],
  }
}

/** What ends with the process: agent, console, whatever the guest was about to do. */
export function stopGuest(domain: FakeDomain): void {
  for (const cancel of domain.cancelLater) cancel()
  domain.cancelLater = []
  domain.guest = undefined
  domain.console?.destroy()
  domain.console = undefined
}

/** A serial console whose guest echoes what is typed. */
export function echoConsole(): Duplex {
  return new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      this.push(chunk)
      done()
    },
    final(done) {
      this.push(null)
      done()
    },
  })
}

/** What the fake keeps as a domain's definition: enough to tell one from another. */
export function definitionFor({ uuid, name }: DomainSpec): string {
  return JSON.stringify({ uuid, name })
}
