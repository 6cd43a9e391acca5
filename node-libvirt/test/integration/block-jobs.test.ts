import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  LibvirtHost,
  typedParam,
  typedParams,
  virConnectDomainEventBlockJobStatus,
  virDomainBackupBeginFlags,
  virDomainBlockCommitFlags,
  virDomainBlockCopyFlags,
  virDomainBlockJobAbortFlags,
  virDomainBlockJobType,
  virDomainSnapshotCreateFlags,
  virErrorNumber,
} from '../../src/index.ts'
import type { Domain } from '../../src/index.ts'
import { GuestConsole } from '../fixtures/console.ts'
import { nextEvent, ofType, startDomain } from '../fixtures/domains.ts'
import type { DomainParts } from '../fixtures/domains.ts'
import { guestImage } from '../fixtures/guest-image.ts'
import { PrivateLibvirtd } from '../fixtures/private-libvirtd.ts'
import { diskXml } from '../fixtures/storage.ts'

let libvirtd: PrivateLibvirtd
let host: LibvirtHost
const path = (name: string) => join(libvirtd.directory, name)
const image = (...args: string[]) => execFileSync('qemu-img', args, { encoding: 'utf8' })

beforeAll(async () => {
  libvirtd = await PrivateLibvirtd.start()
  host = await LibvirtHost.connect(libvirtd.uri)
})

afterAll(async () => {
  await host.close()
  await libvirtd[Symbol.asyncDispose]()
})

let counter = 0
async function guestWithDisk(boot: Pick<DomainParts, 'image'> = {}) {
  const file = path(`disk-${(counter += 1)}.qcow2`)
  image('create', '-q', '-f', 'qcow2', file, '64M')
  // Something to copy, so that a job is one.
  execFileSync('qemu-io', ['-f', 'qcow2', '-c', 'write -P 0x5a 0 8M', file])
  const guest = await startDomain(host, { ...boot, devices: diskXml(file) })
  return Object.assign(guest, { file })
}

async function source(dom: Domain): Promise<string | undefined> {
  const { xml } = await host.query('domainGetXmlDesc', { dom })
  return /<source file='([^']+)'/.exec(xml)?.[1]
}

async function snapshot(dom: Domain, file: string) {
  const xmlDesc = `<domainsnapshot><name>s-${counter}</name>
    <disks><disk name='vda' snapshot='external'><source file='${file}'/></disk></disks></domainsnapshot>`
  const flags =
    virDomainSnapshotCreateFlags.VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY |
    virDomainSnapshotCreateFlags.VIR_DOMAIN_SNAPSHOT_CREATE_ATOMIC
  return (await host.job('domainSnapshotCreateXml', { dom, xmlDesc, flags })).snap
}

describe('snapshots', () => {
  test('external, listed, described, and committed back into the base while the guest runs', async () => {
    await using guest = await guestWithDisk()
    const { dom, file } = guest
    const overlay = path(`overlay-${counter}.qcow2`)
    const snap = await snapshot(dom, overlay)
    expect(await source(dom)).toBe(overlay)
    expect(await host.query('domainListAllSnapshots', { dom })).toMatchObject({
      snapshots: [{ name: snap.name }],
    })
    expect((await host.query('domainSnapshotGetXmlDesc', { snap })).xml).toContain(
      `<name>${snap.name}</name>`,
    )
    expect(await host.query('domainSnapshotCurrent', { dom })).toMatchObject({ snap: { name: snap.name } })

    const events = host.listen()
    await host.query('domainBlockCommit', {
      dom,
      disk: 'vda',
      base: null,
      top: null,
      bandwidth: 0n,
      flags: virDomainBlockCommitFlags.VIR_DOMAIN_BLOCK_COMMIT_ACTIVE,
    })
    const ready = await nextEvent(events, ofType('blockJob2', dom))
    expect(ready).toMatchObject({
      dst: 'vda',
      jobType: virDomainBlockJobType.VIR_DOMAIN_BLOCK_JOB_TYPE_ACTIVE_COMMIT,
      status: virConnectDomainEventBlockJobStatus.VIR_DOMAIN_BLOCK_JOB_READY,
    })
    const info = await host.query('domainGetBlockJobInfo', { dom, path: 'vda' })
    expect(info).toMatchObject({
      found: 1,
      type: virDomainBlockJobType.VIR_DOMAIN_BLOCK_JOB_TYPE_ACTIVE_COMMIT,
    })
    await host.query('domainBlockJobAbort', {
      dom,
      path: 'vda',
      flags: virDomainBlockJobAbortFlags.VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT,
    })
    expect(await nextEvent(events, ofType('blockJob2', dom))).toMatchObject({
      status: virConnectDomainEventBlockJobStatus.VIR_DOMAIN_BLOCK_JOB_COMPLETED,
    })
    expect(await source(dom)).toBe(file)
    await host.query('domainSnapshotDelete', { snap, flags: 2 })
  })

  test('internal, of a guest that is off, and back', async () => {
    await using guest = await guestWithDisk()
    const { dom, file } = guest
    await host.query('domainDestroy', { dom })
    const { snap } = await host.job('domainSnapshotCreateXml', { dom, xmlDesc: '<domainsnapshot/>' })
    expect(image('snapshot', '-l', file)).toContain(snap.name)
    await host.job('domainRevertToSnapshot', { snap })
    await host.job('domainSnapshotDelete', { snap })
    expect(await host.query('domainListAllSnapshots', { dom })).toEqual({ snapshots: [], ret: 0 })
  })
})

test('a disk copied and pivoted to while the guest runs', async () => {
  await using guest = await guestWithDisk()
  const { dom } = guest
  const copy = path(`copy-${counter}.qcow2`)
  const events = host.listen()
  await host.query('domainBlockCopy', {
    dom,
    path: 'vda',
    destxml: `<disk type='file'><source file='${copy}'/><driver type='qcow2'/></disk>`,
    params: [typedParam.ullong('bandwidth', 0n)],
    flags: virDomainBlockCopyFlags.VIR_DOMAIN_BLOCK_COPY_TRANSIENT_JOB,
  })
  expect(await nextEvent(events, ofType('blockJob', dom))).toMatchObject({
    jobType: virDomainBlockJobType.VIR_DOMAIN_BLOCK_JOB_TYPE_COPY,
    status: virConnectDomainEventBlockJobStatus.VIR_DOMAIN_BLOCK_JOB_READY,
  })
  await host.query('domainBlockJobAbort', { dom, path: 'vda', flags: 2 })
  expect(await nextEvent(events, ofType('blockJob', dom))).toMatchObject({
    status: virConnectDomainEventBlockJobStatus.VIR_DOMAIN_BLOCK_JOB_COMPLETED,
  })
  expect(await source(dom)).toBe(copy)
})

test('a backing chain pulled into its top', async () => {
  await using guest = await guestWithDisk()
  const { dom } = guest
  const overlay = path(`pulled-${counter}.qcow2`)
  await snapshot(dom, overlay)
  const events = host.listen()
  await host.query('domainBlockPull', { dom, path: 'vda', bandwidth: 0n, flags: 0 })
  expect(await nextEvent(events, ofType('blockJob2', dom))).toMatchObject({
    jobType: virDomainBlockJobType.VIR_DOMAIN_BLOCK_JOB_TYPE_PULL,
    status: virConnectDomainEventBlockJobStatus.VIR_DOMAIN_BLOCK_JOB_COMPLETED,
  })
  await host.query('domainDestroy', { dom })
  expect(image('info', overlay)).not.toContain('backing file')
})

describe('checkpoints and backups', () => {
  test('push: a full one, then only what changed, each readable after one more call', async () => {
    await using guest = await guestWithDisk({ image: await guestImage() })
    const { dom, file } = guest
    const shell = await GuestConsole.open(host, dom)
    const events = host.listen()
    const backUp = async (name: string, since?: string) => {
      const target = path(`backup-${counter}-${name}.qcow2`)
      const incremental = since === undefined ? '' : `<incremental>${since}</incremental>`
      await host.job('domainBackupBegin', {
        dom,
        backupXml: `<domainbackup mode='push'>${incremental}<disks><disk name='vda' backup='yes' type='file'>
          <target file='${target}'/><driver type='qcow2'/></disk></disks></domainbackup>`,
        checkpointXml: `<domaincheckpoint><name>${name}</name>
          <disks><disk name='vda' checkpoint='bitmap'/></disks></domaincheckpoint>`,
      })
      const done = await nextEvent(events, ofType('jobCompleted', dom))
      expect(typedParams(done.params)).toMatchObject({ operation: 9, success: true })
      // libvirt closes the target only after the event; a call that needs the monitor waits for that.
      await host.query('domainGetBlockInfo', { dom, path: 'vda' })
      return target
    }
    const full = await backUp('first')
    expect(image('compare', '-f', 'qcow2', '-F', 'qcow2', '-U', file, full)).toContain('identical')
    await shell.run('dd if=/bin/busybox of=/dev/vda bs=64k seek=16 count=16 conv=fsync 2>/dev/null')
    const changed = await backUp('second', 'first')
    expect(image('map', '-U', '--output=json', changed)).toContain('"start": 1048576, "length": 1048576')
    image('rebase', '-u', '-f', 'qcow2', '-F', 'qcow2', '-b', full, changed)
    expect(image('compare', '-U', file, changed)).toContain('identical')

    const { checkpoints } = await host.query('domainListAllCheckpoints', { dom })
    expect(checkpoints.map(({ name }) => name).toSorted()).toEqual(['first', 'second'])
    for (const checkpoint of checkpoints) {
      const { xml } = await host.query('domainCheckpointGetXmlDesc', { checkpoint })
      expect(xml).toContain("checkpoint='bitmap'")
    }
    await host.job('domainCheckpointDelete', { checkpoint: { name: 'first', dom } })
    expect(await host.query('domainListAllCheckpoints', { dom })).toMatchObject({ ret: 1 })
  })

  test('pull: an NBD export that a reader takes the disk from, until the job is ended', async () => {
    await using guest = await guestWithDisk()
    const { dom, file } = guest
    const socket = path(`nbd-${counter}`)
    await host.job('domainBackupBegin', {
      dom,
      backupXml: `<domainbackup mode='pull'><server transport='unix' socket='${socket}'/>
        <disks><disk name='vda' backup='yes' type='file'><scratch file='${path(`scratch-${counter}`)}'/></disk></disks>
        </domainbackup>`,
      flags: 0,
    })
    const { xml } = await host.query('domainBackupGetXmlDesc', { dom })
    expect(xml).toContain("mode='pull'")
    expect(existsSync(socket)).toBe(true)
    const reader = connect(socket)
    const [greeting] = (await once(reader, 'data')) as [Buffer]
    expect(greeting.subarray(0, 8).toString()).toBe('NBDMAGIC')
    reader.destroy()
    expect(
      image('compare', '-U', '-f', 'qcow2', '-F', 'raw', file, `nbd+unix:///vda?socket=${socket}`),
    ).toContain('identical')
    const events = host.listen()
    await host.query('domainAbortJob', { dom })
    const { params } = await nextEvent(events, ofType('jobCompleted', dom))
    expect(typedParams(params)).toMatchObject({ operation: 9 })
    await expect(host.query('domainBackupGetXmlDesc', { dom })).rejects.toMatchObject({
      code: virErrorNumber.VIR_ERR_NO_DOMAIN_BACKUP,
    })
  })

  test('a backup into a file that is there already, and one that cannot be', async () => {
    await using guest = await guestWithDisk()
    const { dom } = guest
    const target = path(`reused-${counter}.qcow2`)
    image('create', '-q', '-f', 'qcow2', target, '64M')
    const events = host.listen()
    const backupXml = (
      file: string,
    ) => `<domainbackup mode='push'><disks><disk name='vda' backup='yes' type='file'>
      <target file='${file}'/><driver type='qcow2'/></disk></disks></domainbackup>`
    const flags = virDomainBackupBeginFlags.VIR_DOMAIN_BACKUP_BEGIN_REUSE_EXTERNAL
    await host.job('domainBackupBegin', { dom, backupXml: backupXml(target), flags })
    await nextEvent(events, ofType('jobCompleted', dom))
    await expect(
      host.job('domainBackupBegin', { dom, backupXml: backupXml('/nonexistent/target') }),
    ).rejects.toMatchObject({ name: 'LibvirtError' })
  })
})
