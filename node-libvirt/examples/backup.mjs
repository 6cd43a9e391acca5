// Backs up a running domain's disk into a new file: node backup.mjs <domain> <disk> <file> [uri]
import { LibvirtHost, typedParams } from 'node-libvirt'

const [name, disk, path, uri = 'qemu:///system'] = process.argv.slice(2)
const host = await LibvirtHost.connect(uri)
const { dom } = await host.query('domainLookupByName', { name })
const events = host.listen()
const escape = (text) => text.replace(/[&<>"']/g, (letter) => `&#${letter.charCodeAt(0)};`)
await host.job('domainBackupBegin', {
  dom,
  backupXml: `<domainbackup><disks><disk name="${escape(disk)}" backup="yes" type="file">
    <target file="${escape(path)}"/><driver type="qcow2"/></disk></disks></domainbackup>`,
})
for await (const event of events) {
  // Whatever happened while the connection was lost: ask again.
  if (event.type !== 'jobCompleted' || event.dom.uuid !== dom.uuid) continue
  // The file is closed only after the event; a call that needs the guest's monitor waits for that.
  await host.query('domainGetBlockInfo', { dom, path: disk })
  console.log(typedParams(event.params).success ? 'done' : 'failed')
  break
}
await host.close()
