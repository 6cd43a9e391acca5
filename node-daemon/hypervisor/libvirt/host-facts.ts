import { totalmem } from 'node:os'
import type { LibvirtHost } from 'node-libvirt'
import { z } from 'zod'
import type { HypervisorFacts } from '../hypervisor.ts'
import { one, optional, parseXml, text } from './xml/parse.ts'

const capabilitiesDocument = z.object({
  capabilities: one(
    z.object({
      host: one(
        z.object({
          cpu: one(
            z.object({
              arch: one(text),
              model: optional(text),
              vendor: optional(text),
              topology: optional(
                z.object({
                  '@sockets': z.coerce.number().int().positive(),
                  '@cores': z.coerce.number().int().positive(),
                  '@threads': z.coerce.number().int().positive(),
                }),
              ),
            }),
          ),
        }),
      ),
    }),
  ),
})

/** What libvirt tells about the host, but for the accelerator. */
export async function readHostFacts(
  libvirt: LibvirtHost,
  signal: AbortSignal | undefined,
): Promise<Omit<HypervisorFacts, 'accelerator'>> {
  const [{ capabilities }, node, { libVer }, { hvVer }] = await Promise.all([
    libvirt.query('connectGetCapabilities', undefined, { signal }),
    libvirt.query('nodeGetInfo', undefined, { signal }),
    libvirt.query('connectGetLibVersion', undefined, { signal }),
    libvirt.query('connectGetVersion', undefined, { signal }),
  ])
  const { cpu } = parseXml('the capabilities', capabilities, capabilitiesDocument).capabilities.host
  return {
    architecture: cpu.arch,
    hypervisorVersion: formatVersion(libVer),
    qemuVersion: formatVersion(hvVer),
    cpus: node.cpus,
    // The kernel's own total: libvirt adds up NUMA nodes, which may miss memory added to a running machine.
    memoryBytes: totalmem(),
    ...(cpu.model !== undefined && { cpuModel: cpu.model }),
    ...(cpu.vendor !== undefined && { cpuVendor: cpu.vendor }),
    ...(cpu.topology !== undefined && {
      topology: {
        sockets: cpu.topology['@sockets'],
        cores: cpu.topology['@cores'],
        threads: cpu.topology['@threads'],
      },
    }),
  }
}

/** libvirt packs versions as major × 1,000,000 + minor × 1,000 + release. */
export function formatVersion(packed: bigint): string {
  const version = Number(packed)
  return [Math.floor(version / 1_000_000), Math.floor(version / 1000) % 1000, version % 1000].join('.')
}
