import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  LibvirtHost,
  typedParam,
  typedParams,
  virDomainDeviceModifyFlags,
  virDomainEventGraphicsPhase,
  virDomainEventIOErrorAction,
  virDomainEventTrayChangeReason,
  virDomainEventWatchdogAction,
  virDomainMetadataType,
  virNetworkEventLifecycleType,
  virNodeDeviceEventLifecycleType,
  virSecretEventLifecycleType,
  virStoragePoolEventLifecycleType,
} from '../../src/index.ts'
import type { GuestImage } from '../fixtures/guest-image.ts'
import { GuestConsole } from '../fixtures/console.ts'
import { agentChannel, domainXml, nextEvent, ofType, removeDomain, startDomain } from '../fixtures/domains.ts'
import { guestImage } from '../fixtures/guest-image.ts'
import { portWriter } from '../fixtures/port-writer.ts'
import { PrivateLibvirtd } from '../fixtures/private-libvirtd.ts'
import { diskXml } from '../fixtures/storage.ts'

let libvirtd: PrivateLibvirtd
let host: LibvirtHost
let image: GuestImage

beforeAll(async () => {
  image = await guestImage()
  libvirtd = await PrivateLibvirtd.start()
  host = await LibvirtHost.connect(libvirtd.uri)
}, 120_000)

afterAll(async () => {
  await host.close()
  await libvirtd[Symbol.asyncDispose]()
})

const path = (name: string) => join(libvirtd.directory, name)
const live = virDomainDeviceModifyFlags.VIR_DOMAIN_DEVICE_MODIFY_LIVE

describe('what the guest does', () => {
  test('reboot, clock, agent, balloon', async () => {
    const events = host.listen()
    await using guest = await startDomain(host, {
      image,
      devices: `${agentChannel}<memballoon model='virtio'/>`,
    })
    const { dom } = guest
    const shell = await GuestConsole.open(host, dom)
    while ((await nextEvent(events, ofType('agentLifecycle', dom))).state !== 1);

    await host.query('domainSetMemory', { dom, memory: 100n * 1024n })
    const { actual } = await nextEvent(events, ofType('balloonChange', dom))
    expect(actual).toBeLessThan(128n * 1024n)

    await shell.run('date -s @1900000000; hwclock -w -u')
    const { offset } = await nextEvent(events, ofType('rtcChange', dom))
    expect(Number(offset)).toBeGreaterThan(0)

    shell.stream.write('reboot -f\n')
    expect(await nextEvent(events, ofType('reboot', dom))).toMatchObject({ type: 'reboot' })
  })

  test('a watchdog that bites', async () => {
    const events = host.listen()
    await using guest = await startDomain(host, {
      image,
      machine: 'pc',
      devices: "<watchdog model='ib700' action='none'/>",
    })
    const { dom } = guest
    const shell = await GuestConsole.open(host, dom)
    // The card's port: 14 means that it bites in two seconds.
    const octal = [...portWriter(0x443, 14)].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('')
    await shell.run(`printf '${octal}' > /tmp/outb; chmod +x /tmp/outb; /tmp/outb`)
    expect(await nextEvent(events, ofType('watchdog', dom))).toMatchObject({
      action: virDomainEventWatchdogAction.VIR_DOMAIN_EVENT_WATCHDOG_NONE,
    })
  })

  test('a disk that is written beyond a threshold', async () => {
    const events = host.listen()
    const good = path('threshold.qcow2')
    execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', good, '64M'])
    await using guest = await startDomain(host, { image, devices: diskXml(good) })
    const { dom } = guest
    const shell = await GuestConsole.open(host, dom)
    await host.query('domainSetBlockThreshold', { dom, dev: 'vda', threshold: 1024n * 1024n, flags: 0 })
    await shell.run('dd if=/dev/zero of=/dev/vda bs=1M count=8 conv=fsync 2>/dev/null')
    expect(await nextEvent(events, ofType('blockThreshold', dom))).toMatchObject({
      dev: expect.stringMatching(/vda/),
      threshold: 1024n * 1024n,
    })
  })

  test('an I/O error, with its reason', async () => {
    const events = host.listen()
    // A file system of one megabyte under a disk of sixteen, inside the daemon's own mounts.
    const small = path('var/lib/libvirt/images-small')
    mkdirSync(small)
    libvirtd.inside('mount', '-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', '/var/lib/libvirt/images-small')
    libvirtd.inside('truncate', '-s', '16M', '/var/lib/libvirt/images-small/disk')
    const disk = diskXml('/var/lib/libvirt/images-small/disk', { format: 'raw' }).replace(
      "type='raw'",
      "type='raw' error_policy='stop'",
    )
    await using guest = await startDomain(host, { image, devices: disk })
    const { dom } = guest
    const shell = await GuestConsole.open(host, dom)
    shell.stream.write('dd if=/dev/urandom of=/dev/vda bs=1M count=8 conv=fsync\n')
    expect(await nextEvent(events, ofType('ioErrorReason', dom))).toMatchObject({
      srcPath: '/var/lib/libvirt/images-small/disk',
      action: virDomainEventIOErrorAction.VIR_DOMAIN_EVENT_IO_ERROR_PAUSE,
      reason: 'enospc',
    })
  })

  test('sleep and waking up', async () => {
    const events = host.listen()
    await using guest = await startDomain(host, {
      image,
      devices: agentChannel,
      extra: "<pm><suspend-to-mem enabled='yes'/></pm>",
    })
    const { dom } = guest
    const shell = await GuestConsole.open(host, dom)
    shell.stream.write('echo mem > /sys/power/state\n')
    await nextEvent(events, ofType('pmsuspend', dom))
    await host.query('domainPmWakeup', { dom })
    expect(await nextEvent(events, ofType('pmwakeup', dom))).toMatchObject({ type: 'pmwakeup', reason: 0 })
  })
})

describe('what is done to a domain', () => {
  test('metadata, tuning, devices in and out, a tray', async () => {
    const events = host.listen()
    const iso = path('media.iso')
    const file = path('tuned.qcow2')
    writeFileSync(iso, Buffer.alloc(65_536))
    execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', file, '1M'])
    const cdrom = (source: string) =>
      `<disk type='file' device='cdrom'>${source}<target dev='sda' bus='sata'/><readonly/></disk>`
    await using guest = await startDomain(host, {
      devices: `${diskXml(file)}${cdrom(`<source file='${iso}'/>`)}<controller type='usb' model='qemu-xhci'/>`,
    })
    const { dom } = guest

    const type = virDomainMetadataType.VIR_DOMAIN_METADATA_ELEMENT
    const uri = 'https://example.org/nlv'
    await host.query('domainSetMetadata', {
      dom,
      type,
      metadata: '<note>hi</note>',
      key: 'nlv',
      uri,
      flags: 0,
    })
    expect(await nextEvent(events, ofType('metadataChange', dom))).toMatchObject({
      metadataType: type,
      nsuri: uri,
    })
    expect((await host.query('domainGetMetadata', { dom, type, uri })).metadata).toContain('hi')

    const limit = [typedParam.ullong('total_iops_sec', 99n)]
    await host.query('domainSetBlockIoTune', { dom, disk: 'vda', params: limit, flags: live })
    const tuned = await nextEvent(events, ofType('tunable', dom))
    expect(typedParams(tuned.params)).toMatchObject({ 'blkdeviotune.total_iops_sec': 99n })

    const mouse = "<input type='mouse' bus='usb'><alias name='ua-nlv-mouse'/></input>"
    await host.query('domainAttachDeviceFlags', { dom, xml: mouse, flags: live })
    expect(await nextEvent(events, ofType('deviceAdded', dom))).toMatchObject({ devAlias: 'ua-nlv-mouse' })
    await host.query('domainDetachDeviceAlias', { dom, alias: 'ua-nlv-mouse', flags: live })
    expect(await nextEvent(events, ofType('deviceRemoved', dom))).toMatchObject({ devAlias: 'ua-nlv-mouse' })

    await host.query('domainUpdateDeviceFlags', { dom, xml: cdrom(''), flags: live })
    expect(await nextEvent(events, ofType('trayChange', dom))).toMatchObject({
      reason: virDomainEventTrayChangeReason.VIR_DOMAIN_EVENT_TRAY_CHANGE_OPEN,
    })
  })

  test('an optional disk that is missing at the start is dropped', async () => {
    const events = host.listen()
    const disk = `<disk type='file' device='cdrom'><source file='/nonexistent/nlv.iso' startupPolicy='optional'/>
      <target dev='sda' bus='sata'/><readonly/></disk>`
    await using guest = await startDomain(host, { devices: disk })
    expect(await nextEvent(events, ofType('diskChange', guest.dom))).toMatchObject({
      oldSrcPath: '/nonexistent/nlv.iso',
      newSrcPath: null,
    })
  })

  test('somebody looks at its screen', async () => {
    const events = host.listen()
    const graphics = "<graphics type='vnc'><listen type='socket'/></graphics>"
    await using guest = await startDomain(host, { devices: graphics })
    const { dom } = guest
    const { xml } = await host.query('domainGetXmlDesc', { dom })
    const socket = /<listen type='socket' socket='([^']+)'/.exec(xml)?.[1] ?? ''
    // The path is the daemon's; its directories are visible from here under another name.
    const viewer = connect(join(libvirtd.directory, socket))
    let greeting = ''
    // The guest ends with the test, maybe before its answer to our goodbye.
    viewer.on('error', () => {})
    viewer.on('data', (data) => {
      if (greeting === '') viewer.write('RFB 003.008\n')
      else viewer.write(Buffer.from([1]))
      greeting += data.toString('latin1')
    })
    expect(await nextEvent(events, ofType('graphics', dom))).toMatchObject({
      phase: virDomainEventGraphicsPhase.VIR_DOMAIN_EVENT_GRAPHICS_CONNECT,
      subject: [],
    })
    await expect.poll(() => greeting).toMatch(/^RFB 003\.008\n/)
    viewer.destroy()
    const gone = await nextEvent(
      events,
      (event): event is Extract<typeof event, { type: 'graphics' }> =>
        event.type === 'graphics' &&
        event.phase === virDomainEventGraphicsPhase.VIR_DOMAIN_EVENT_GRAPHICS_DISCONNECT,
    )
    expect(gone.dom.uuid).toBe(dom.uuid)
  })
})

describe('what happens on the host', () => {
  test('networks', async () => {
    const events = host.listen()
    const { net } = await host.query('networkDefineXml', { xml: '<network><name>nlv-net</name></network>' })
    expect(await nextEvent(events, ofType('networkLifecycle'))).toMatchObject({
      net,
      event: virNetworkEventLifecycleType.VIR_NETWORK_EVENT_DEFINED,
    })
    await host.query('networkUndefine', { net })
    expect(await nextEvent(events, ofType('networkLifecycle'))).toMatchObject({
      event: virNetworkEventLifecycleType.VIR_NETWORK_EVENT_UNDEFINED,
    })
  })

  test('storage pools', async () => {
    const events = host.listen()
    const xml = `<pool type='dir'><name>nlv-events</name><target><path>${libvirtd.directory}</path></target></pool>`
    const { pool } = await host.query('storagePoolCreateXml', { xml })
    expect(await nextEvent(events, ofType('storagePoolLifecycle'))).toMatchObject({
      pool,
      event: virStoragePoolEventLifecycleType.VIR_STORAGE_POOL_EVENT_STARTED,
    })
    await host.job('storagePoolRefresh', { pool })
    expect(await nextEvent(events, ofType('storagePoolRefresh'))).toMatchObject({ pool })
    await host.query('storagePoolDestroy', { pool })
    expect(await nextEvent(events, ofType('storagePoolLifecycle'))).toMatchObject({
      event: virStoragePoolEventLifecycleType.VIR_STORAGE_POOL_EVENT_STOPPED,
    })
  })

  test('secrets', async () => {
    const events = host.listen()
    const xml = "<secret ephemeral='yes'><usage type='ceph'><name>nlv secret</name></usage></secret>"
    const { secret } = await host.query('secretDefineXml', { xml })
    expect(await nextEvent(events, ofType('secretLifecycle'))).toMatchObject({
      secret,
      event: virSecretEventLifecycleType.VIR_SECRET_EVENT_DEFINED,
    })
    const value = new Uint8Array([0, 1, 254, 255])
    await host.query('secretSetValue', { secret, value })
    expect(await nextEvent(events, ofType('secretValueChanged'))).toMatchObject({ secret })
    expect((await host.query('secretGetValue', { secret })).value).toEqual(value)
    await host.query('secretUndefine', { secret })
  })

  test('devices of the test driver', async () => {
    await using other = await LibvirtHost.connect(libvirtd.testUri)
    const events = other.listen()
    const xmlDesc = `<device><name>nlv_vport</name><parent>scsi_host1</parent><capability type='scsi_host'>
      <capability type='fc_host'><wwnn>2000000012341234</wwnn><wwpn>1000000012341234</wwpn></capability>
      </capability></device>`
    const { dev } = await other.query('nodeDeviceCreateXml', { xmlDesc })
    expect(await nextEvent(events, ofType('nodeDeviceLifecycle'))).toMatchObject({
      dev,
      event: virNodeDeviceEventLifecycleType.VIR_NODE_DEVICE_EVENT_CREATED,
    })
    await other.query('nodeDeviceDestroy', { name: dev.name })
  })
})

test('a follower that rests while thousands of events happen gets a resync, and others everything', async () => {
  await using other = await LibvirtHost.connect(libvirtd.testUri)
  const resting = other.listen({ buffer: 100 })
  const awake = other.listen({ buffer: 10_000 })
  await nextEvent(resting, ofType('resync'))
  const { dom } = await other.query('domainDefineXml', {
    xml: domainXml()
      .replace("type='qemu'", "type='test'")
      .replace(/<devices>[\s\S]*<\/devices>/, '')
      .replace(/<type [^>]*>/, '<type>'),
  })
  const rounds = 500
  for (let round = 0; round < rounds; round++) {
    await other.query('domainCreate', { dom })
    await other.query('domainDestroy', { dom })
  }
  const isOfDomain = ofType('lifecycle', dom)
  for (let seen = 0; seen < 1 + 2 * rounds; seen++) await nextEvent(awake, isOfDomain)
  expect((await resting.next()).value).toEqual({ type: 'resync' })
  await removeDomain(other, dom)
})
