import type { LibvirtHost } from 'node-libvirt'
import { virDomainShutdownFlagValues } from 'node-libvirt'
import type { GuestAgent } from './guest-agent.ts'
import { domainHandle } from './observe-domain.ts'

// An agent that has not taken the request by then is left aside; a guest under load may well need a second.
const agentMs = 3000

/** Tells the guest to shut down: through its agent where one answers, else by the power button. Does not wait for it. */
export async function shutdownDomain(
  libvirt: LibvirtHost,
  agent: GuestAgent,
  uuid: string,
  signal?: AbortSignal,
): Promise<void> {
  if (await agent.powerOff(uuid, agentMs, signal)) return
  const flags = virDomainShutdownFlagValues.VIR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN
  await libvirt.query('domainShutdownFlags', { dom: domainHandle(uuid), flags }, { signal })
}
