// Migrates a domain and shows how far it is; Ctrl-C aborts: node migrate.mjs <domain> <destination uri> [uri]
import { LibvirtHost, migrateToUri3, virDomainMigrateFlags } from 'node-libvirt'

const [name, destination, uri = 'qemu:///system'] = process.argv.slice(2)
const host = await LibvirtHost.connect(uri)
const { dom } = await host.query('domainLookupByName', { name })
const controller = new AbortController()
process.once('SIGINT', () => controller.abort(new Error('aborted')))

const { VIR_MIGRATE_LIVE, VIR_MIGRATE_PERSIST_DEST, VIR_MIGRATE_UNDEFINE_SOURCE } = virDomainMigrateFlags
await migrateToUri3(host, dom, destination, {
  flags: VIR_MIGRATE_LIVE | VIR_MIGRATE_PERSIST_DEST | VIR_MIGRATE_UNDEFINE_SOURCE,
  signal: controller.signal,
  onProgress: (stats) => console.log(`${stats.memory_remaining ?? '?'} bytes of memory left`),
}).catch((error) => console.error(error.message))
await host.close()
