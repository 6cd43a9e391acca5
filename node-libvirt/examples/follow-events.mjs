// Lists domains, starts one and follows its events: node follow-events.mjs <domain> [uri]
import { LibvirtHost, enumName, virDomainEventType } from 'node-libvirt'

const host = await LibvirtHost.connect(process.argv[3] ?? 'qemu:///system')
const { domains } = await host.query('connectListAllDomains')
for (const { name, id } of domains) console.log(name, id === -1 ? 'is off' : 'is running')

const { dom } = await host.query('domainLookupByName', { name: process.argv[2] })
const events = host.listen()
await host.job('domainCreate', { dom })
for await (const event of events)
  if (event.type === 'lifecycle') console.log(event.dom.name, enumName(virDomainEventType, event.event))
