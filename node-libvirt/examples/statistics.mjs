// Prints what every running domain uses, in one call: node statistics.mjs [uri]
import { LibvirtHost, typedParams, virConnectGetAllDomainStatsFlags } from 'node-libvirt'

const host = await LibvirtHost.connect(process.argv[2] ?? 'qemu:///system')
const flags = virConnectGetAllDomainStatsFlags.VIR_CONNECT_GET_ALL_DOMAINS_STATS_RUNNING
const { retStats } = await host.query('connectGetAllDomainStats', { doms: [], stats: 0, flags })
for (const { dom, params } of retStats) {
  const stats = typedParams(params)
  console.log(dom.name, `${stats['cpu.time'] / 1_000_000n} ms`, `${stats['balloon.current']} KiB`)
}
await host.close()
