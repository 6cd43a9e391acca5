import { join } from 'node:path'
import { LibvirtHost, typedParam } from '../../src/index.ts'
import type { Domain, Network, Nwfilter, Secret, StoragePool, StorageVol } from '../../src/index.ts'
import { domainXml } from '../fixtures/domains.ts'
import { PrivateLibvirtd } from '../fixtures/private-libvirtd.ts'
import { createPool, createVolume, diskXml } from '../fixtures/storage.ts'
import { virshOf } from '../fixtures/virsh.ts'

/** What the calls are about; made once, paused, so that no number moves between the two readers. */
export interface World {
  readonly libvirtd: PrivateLibvirtd
  readonly host: LibvirtHost
  readonly virsh: ReturnType<typeof virshOf>
  readonly dom: Domain
  readonly pool: StoragePool
  readonly vol: StorageVol
  readonly net: Network
  readonly secret: Secret
  readonly filter: Nwfilter
}

/** Makes the objects that the cases are about, in a daemon of its own. */
export async function createWorld(): Promise<World> {
  const libvirtd = await PrivateLibvirtd.start()
  try {
    return await furnish(libvirtd)
  } catch (error) {
    await libvirtd[Symbol.asyncDispose]()
    throw error
  }
}

async function furnish(libvirtd: PrivateLibvirtd): Promise<World> {
  const host = await LibvirtHost.connect(libvirtd.uri)
  const virsh = virshOf(`qemu+unix:///system?socket=${libvirtd.socket}`)
  const pool = await createPool(host, join(libvirtd.directory, 'pool'), 'nlv-pool')
  const vol = await createVolume(host, pool, { name: 'nlv.qcow2', bytes: 8 << 20, format: 'qcow2' })
  const disk = join(libvirtd.directory, 'pool', 'nlv.qcow2')
  const xml = domainXml({
    name: 'nlv-oracle',
    extra: '<title>An oracle</title><description>asked by two</description><iothreads>2</iothreads>',
    devices: `${diskXml(disk)}<interface type='user'><mac address='52:54:00:12:34:56'/><model type='virtio'/></interface>
      <graphics type='vnc' autoport='yes'/><video><model type='vga'/></video><memballoon model='virtio'/>`,
  })
  const defined = await host.query('domainDefineXml', { xml })
  await host.job('domainCreateWithFlags', { dom: defined.dom, flags: 1 })
  const { dom } = await host.query('domainLookupByName', { name: 'nlv-oracle' })
  const { net } = await host.query('networkDefineXml', {
    xml: "<network><name>nlv-net</name><forward mode='bridge'/><bridge name='nlv0'/></network>",
  })
  const { secret } = await host.query('secretDefineXml', {
    xml: "<secret ephemeral='no' private='no'><usage type='ceph'><name>nlv</name></usage></secret>",
  })
  await host.query('secretSetValue', { secret, value: Buffer.from('open sesame') })
  const { nwfilter } = await host.query('nwfilterDefineXml', {
    xml: "<filter name='nlv-filter' chain='root'><rule action='drop' direction='in'/></filter>",
  })
  const checkpoint = '<domaincheckpoint><name>nlv-check</name></domaincheckpoint>'
  await host.job('domainCheckpointCreateXml', { dom, xmlDesc: checkpoint })
  const limits = [typedParam.ullong('total_iops_sec', 42n)]
  await host.query('domainSetBlockIoTune', { dom, disk: 'vda', params: limits, flags: 1 })
  return { libvirtd, host, virsh, dom, pool, vol, net, secret, filter: nwfilter }
}

/** A virsh command, how its text is read, and the same from our decoded result. */
export type Case = [command: string, read: (text: string) => unknown, ours: (w: World) => Promise<unknown>]
export const same = (output: string) => output
export const xmlOf = (output: string) => output.trim()
