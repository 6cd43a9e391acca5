// Connects the terminal with a guest's serial console, until Ctrl-]: node console.mjs <domain> [uri]
import { LibvirtHost } from 'node-libvirt'

const host = await LibvirtHost.connect(process.argv[3] ?? 'qemu:///system')
const { dom } = await host.query('domainLookupByName', { name: process.argv[2] })
const { stream } = await host.stream('domainOpenConsole', { dom })

console.log(`Connected to ${dom.name}; Ctrl-] ends.`)
process.stdin.setRawMode?.(true)
process.stdin.on('data', (keys) => (keys.includes(0x1d) ? stream.end() : stream.write(keys)))
stream.pipe(process.stdout)
stream.on('error', (error) => console.error(error.message))
stream.once('close', () => void host.close().then(() => process.exit()))
