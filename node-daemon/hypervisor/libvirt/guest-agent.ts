import { isIP } from 'node:net'
import type { LibvirtHost } from 'node-libvirt'
import { DisconnectedError, LibvirtConnection, LibvirtError, TimeoutError } from 'node-libvirt'
import { z } from 'zod'
import type { Clock } from '../../../apimachinery/clock.ts'
import type { GuestFacts, GuestInterface } from '../hypervisor.ts'
import { domainHandle } from './observe-domain.ts'
import { Turnstile } from './turnstile.ts'

// Guests are not trusted: what they say is cut to these sizes, and an answer longer than this is not even parsed.
const maxAnswer = 256 * 1024
const maxInterfaces = 64
const maxAddresses = 32
const maxText = 256

// Each question holds a connection and a worker of libvirtd for as long as the guest takes.
const maxGuestsAtOnce = 4

/** Instead of a number of seconds: an agent that shuts down never answers. */
const doNotWait = 0

const shortText = z.string().transform((text) => printable(text).slice(0, maxText))

const info = z.object({ return: z.object({ version: shortText }) })
const hostName = z.object({ return: z.object({ 'host-name': shortText }) })
const osInfo = z
  .object({
    return: z.object({
      'pretty-name': shortText.optional(),
      name: shortText.optional(),
      id: shortText.optional(),
    }),
  })
  .transform(({ return: os }) => os['pretty-name'] ?? os.name ?? os.id)
const guestInterface = z.object({
  name: shortText,
  'hardware-address': z.string().optional(),
  'ip-addresses': z
    .array(z.object({ 'ip-address': z.string() }))
    .optional()
    .default([]),
})
const interfaces = z.object({ return: z.array(guestInterface) })

/** Asks the agents in guests, a few guests at a time, each within its own time limit. */
export class GuestAgent {
  readonly #libvirt: LibvirtHost
  readonly #clock: Clock
  readonly #turnstile = new Turnstile(maxGuestsAtOnce)

  constructor(libvirt: LibvirtHost, clock: Clock) {
    this.#libvirt = libvirt
    this.#clock = clock
  }

  /** Undefined when there is no agent, it does not answer in time, or what it says makes no sense. */
  async facts(uuid: string, timeoutMs: number, signal?: AbortSignal): Promise<GuestFacts | undefined> {
    const deadline = this.#clock.monotonic() + timeoutMs
    return this.#turnstile.through(async () => {
      const left = deadline - this.#clock.monotonic()
      if (left <= 0) return undefined
      try {
        return await this.#converse(uuid, deadline, signal)
      } catch (error) {
        if (error instanceof LibvirtError || error instanceof TimeoutError) return undefined
        throw error
      }
    })
  }

  /**
   * Asks the agent to power the guest off; false when it did not take the request within `timeoutMs`. Does not wait for
   * the guest: libvirt's own call for this would hold one of its workers for up to a minute.
   */
  async powerOff(uuid: string, timeoutMs: number, signal?: AbortSignal): Promise<boolean> {
    const cmd = JSON.stringify({ execute: 'guest-shutdown', arguments: { mode: 'powerdown' } })
    const request = { dom: domainHandle(uuid), cmd, timeout: doNotWait }
    try {
      await this.#libvirt.job('qemuDomainAgentCommand', request, { timeout: timeoutMs, signal })
      return true
    } catch (error) {
      if (error instanceof LibvirtError || error instanceof TimeoutError) return false
      throw error
    }
  }

  async #converse(
    uuid: string,
    deadline: number,
    signal: AbortSignal | undefined,
  ): Promise<GuestFacts | undefined> {
    const left = () => Math.max(1, Math.ceil(deadline - this.#clock.monotonic()))
    const connection = await LibvirtConnection.open(this.#libvirt.uri, { connectTimeout: left(), signal })
    const ask = async (command: string): Promise<string | null> => {
      const cmd = JSON.stringify({ execute: command })
      const timeout = left()
      const request = { dom: domainHandle(uuid), cmd, timeout: wholeSeconds(timeout) }
      return (await connection.call('qemuDomainAgentCommand', request, { timeout, signal })).result
    }
    // An agent may have been told to refuse single commands: that leaves a gap, not a failure.
    const askIfAllowed = async (command: string): Promise<string | null> => {
      try {
        return await ask(command)
      } catch (error) {
        if (error instanceof LibvirtError && this.#clock.monotonic() < deadline) return null
        throw error
      }
    }
    try {
      return factsFrom({
        info: await ask('guest-info'),
        hostName: await askIfAllowed('guest-get-host-name'),
        os: await askIfAllowed('guest-get-osinfo'),
        interfaces: await askIfAllowed('guest-network-get-interfaces'),
      })
    } finally {
      connection.rpc.destroy(new DisconnectedError('The guest was asked all there is to ask'))
    }
  }
}

/** What the agent answered to each question, as it came; null where it said nothing. */
export interface AgentAnswers {
  readonly info: string | null
  readonly hostName: string | null
  readonly os: string | null
  readonly interfaces: string | null
}

/** Takes from an agent's answers what can be used; the rest is left out. */
export function factsFrom(answers: AgentAnswers): GuestFacts {
  const agentVersion = parseAnswer(answers.info, info)?.return.version
  const hostname = parseAnswer(answers.hostName, hostName)?.return['host-name']
  const operatingSystem = parseAnswer(answers.os, osInfo)
  const cards = parseAnswer(answers.interfaces, interfaces)?.return ?? []
  return {
    interfaces: cards.slice(0, maxInterfaces).map(toInterface),
    ...(hostname !== undefined && { hostname }),
    ...(operatingSystem !== undefined && { operatingSystem }),
    ...(agentVersion !== undefined && { agentVersion }),
  }
}

function toInterface(card: z.infer<typeof guestInterface>): GuestInterface {
  const macAddress = card['hardware-address']?.toLowerCase()
  const ipAddresses = card['ip-addresses'].map((address) => address['ip-address'])
  return {
    guestName: card.name,
    ipAddresses: ipAddresses.filter((address) => isIP(address) !== 0).slice(0, maxAddresses),
    ...(macAddress !== undefined && /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/.test(macAddress) && { macAddress }),
  }
}

/** Reads an agent's answer; undefined for one that is too long, no JSON or of another shape. */
export function parseAnswer<T>(answer: string | null, schema: z.ZodType<T>): T | undefined {
  if (answer === null || answer.length > maxAnswer) return undefined
  let value: unknown
  try {
    value = JSON.parse(answer)
  } catch {
    return undefined
  }
  const result = schema.safeParse(value)
  return result.success ? result.data : undefined
}

/** Text that may be shown on a terminal: control characters are left out. */
function printable(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, '')
}

/** libvirt counts agent timeouts in seconds. */
function wholeSeconds(ms: number): number {
  return Math.max(1, Math.ceil(ms / 1000))
}
