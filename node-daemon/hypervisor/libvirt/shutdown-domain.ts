import type { LibvirtHost } from 'node-libvirt'
import { DisconnectedError, virDomainShutdownFlagValues } from 'node-libvirt'
import type { Logger } from '../../../apimachinery/log.ts'
import type { GuestAgent } from './guest-agent.ts'
import { domainHandle } from './observe-domain.ts'

// An agent that has not answered a ping by then is left aside; a guest under load may well take a second.
const pingMs = 2000

export interface ShutdownDeps {
  readonly libvirt: LibvirtHost
  readonly agent: GuestAgent
  readonly log: Logger
}

/**
 * Tells the guest to shut down: through its agent where one answers, else by the power button. libvirt answers the
 * agent's request only when the guest is down or after a minute, so nobody waits for that answer; should it be an
 * error, the button is pressed after all.
 */
export async function shutdownDomain(
  { libvirt, agent, log }: ShutdownDeps,
  uuid: string,
  signal?: AbortSignal,
): Promise<void> {
  if (!(await agent.answers(uuid, pingMs, signal))) return pressPowerButton(libvirt, uuid, signal)
  const flags = virDomainShutdownFlagValues.VIR_DOMAIN_SHUTDOWN_GUEST_AGENT
  void libvirt
    .job('domainShutdownFlags', { dom: domainHandle(uuid), flags })
    .catch((error: unknown) => {
      // Without a connection nothing can be pressed; whoever wants it down asks again.
      if (error instanceof DisconnectedError) return undefined
      return pressPowerButton(libvirt, uuid)
    })
    .catch((error: unknown) => log.debug('The guest took no shutdown request', { uuid, error }))
}

async function pressPowerButton(libvirt: LibvirtHost, uuid: string, signal?: AbortSignal): Promise<void> {
  const flags = virDomainShutdownFlagValues.VIR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN
  await libvirt.query('domainShutdownFlags', { dom: domainHandle(uuid), flags }, { signal })
}
