import { randomUUID } from 'node:crypto'
import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { LibvirtHost } from 'node-libvirt'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../../apimachinery/clock.ts'
import { silentLogger } from '../../apimachinery/log.ts'
import type { DomainSpec } from '../../node-daemon/hypervisor/domain-spec.ts'
import type { Hypervisor, HypervisorEvent } from '../../node-daemon/hypervisor/hypervisor.ts'
import { libvirtHypervisor } from '../../node-daemon/hypervisor/libvirt/libvirt-hypervisor.ts'
import { openLibvirt } from '../../node-daemon/hypervisor/libvirt/open-libvirt.ts'
import { libvirtNetworks } from '../../node-daemon/network/libvirt/libvirt-networks.ts'
import type { RunProgram } from '../../node-daemon/network/libvirt/run-program.ts'
import type { SendBroadcast } from '../../node-daemon/network/libvirt/send-broadcast.ts'
import { buildGuestImage } from '../../scripts/guest-image/build.ts'
import { writeBootSectorDisk } from '../support/boot-sector-guest.ts'
import type { LibvirtTestHost } from '../support/libvirt-host.ts'
import { missingForLibvirtHost, startLibvirtHost } from '../support/libvirt-host.ts'
import { aCpu, aDomainDisk, aDomainInterface, aFirmware, aDomainSpec } from '../support/domain-spec.ts'

const missing = missingForLibvirtHost()
const needs = missing === undefined ? '' : ` (needs ${missing})`
const guestCache = fileURLToPath(new URL('../../.cache/guest', import.meta.url))

describe.skipIf(missing !== undefined)(`the hypervisor on libvirt${needs}`, () => {
  let host: LibvirtTestHost
  let libvirt: LibvirtHost
  let hypervisor: Hypervisor

  beforeAll(async () => {
    host = await startLibvirtHost()
    libvirt = openLibvirt(host.uri)
    hypervisor = libvirtHypervisor({ libvirt, clock: systemClock, log: silentLogger })
  })
  afterAll(async () => {
    await hypervisor?.close()
    await libvirt?.close()
    await host?.stop()
  })

  const newSpec = async (change: Partial<DomainSpec> = {}): Promise<DomainSpec> => {
    const uuid = randomUUID()
    const path = join(host.directory, `${uuid}.raw`)
    await writeBootSectorDisk(path)
    return aDomainSpec({
      owner: { namespace: 'conf', name: 'vm', uid: randomUUID() },
      uuid,
      name: `conf_${uuid}`,
      cpu: aCpu({ sockets: 1, cores: 1, threads: 1 }),
      memory: { bytes: 64 * 1024 ** 2 },
      firmware: aFirmware({ type: 'bios' }),
      disks: [aDomainDisk({ name: 'root', path, format: 'raw', bus: 'virtio' })],
      interfaces: [],
      ...change,
    })
  }
  const inHost = async (...argv: string[]) => {
    const { code, stdout, stderr } = await host.exec(argv)
    if (code !== 0) throw new Error(`${argv.join(' ')}: ${stderr}`)
    return stdout
  }
  /** Follows events from now on; `next` resolves with the first that matches and has not been passed yet. */
  const follow = () => {
    const stop = new AbortController()
    const events = hypervisor.events(stop.signal)[Symbol.asyncIterator]()
    return {
      async next(matches: (event: HypervisorEvent) => boolean): Promise<HypervisorEvent> {
        for (;;) {
          const { value, done } = await events.next()
          if (done === true) throw new Error('the events ended')
          if (matches(value)) return value
        }
      },
      stop: () => stop.abort(),
    }
  }

  test("tells the host's facts, with emulation where KVM is hidden", async () => {
    expect(await hypervisor.describe()).toMatchObject({
      architecture: 'x86_64',
      accelerator: 'TCG',
      hypervisorVersion: expect.stringMatching(/^\d+\.\d+\.\d+$/) as string,
      qemuVersion: expect.stringMatching(/^\d+\.\d+\.\d+$/) as string,
    })
  })

  test('gives devices names that come back, whatever the bus', async () => {
    const spec = await newSpec()
    const disks = (['virtio', 'scsi', 'sata'] as const).map((bus) =>
      aDomainDisk({
        name: `disk-${bus}`,
        path: spec.disks[0]?.path ?? '',
        format: 'raw' as const,
        bus,
      }),
    )
    // Not started: QEMU would not open one file three times for writing.
    await expect(hypervisor.startDomain({ ...spec, disks })).rejects.toMatchObject({ code: 'failed' })
    const xml = await inHost('virsh', 'dumpxml', spec.uuid)
    for (const { name } of disks) expect(xml).toContain(`<alias name='ua-${`disk-${name}`}'/>`)
    expect(await hypervisor.getDomain(spec.uuid)).toMatchObject({ state: 'shut-off', stateReason: 'failed' })
    await hypervisor.undefineDomain(spec.uuid)
  })

  test('a disk that is missing fails the start, and says so', async () => {
    const spec = await newSpec()
    const disks = [aDomainDisk({ name: 'root', path: '/nowhere/root.raw', format: 'raw', bus: 'virtio' })]
    await expect(hypervisor.startDomain({ ...spec, disks })).rejects.toMatchObject({
      code: 'failed',
      message: expect.stringContaining('/nowhere/root.raw') as string,
    })
    await hypervisor.undefineDomain(spec.uuid)
    expect(await hypervisor.getDomain(spec.uuid)).toBeUndefined()
  })

  test('a process told to end by a signal was not shut down by its guest', async () => {
    const spec = await newSpec()
    await hypervisor.startDomain(spec)
    const events = follow()
    await inHost('kill', '-TERM', String(await host.qemuPid(spec.name)))
    const event = await events.next(
      (candidate) =>
        candidate.type === 'domain' && candidate.uuid === spec.uuid && candidate.state === 'shut-off',
    )
    events.stop()
    expect(event).toMatchObject({ stateReason: 'destroyed' })
    expect(await hypervisor.getDomain(spec.uuid)).toMatchObject({
      state: 'shut-off',
      stateReason: 'destroyed',
    })
    await hypervisor.undefineDomain(spec.uuid)
  })

  test('a machine that died while libvirtd was away is found off', async () => {
    const spec = await newSpec()
    await hypervisor.startDomain(spec)
    const events = follow()
    await events.next((event) => event.type === 'resync')
    const pid = String(await host.qemuPid(spec.name))
    await host.killLibvirtd()
    await inHost('kill', '-KILL', pid)
    await host.startLibvirtd()
    await events.next((event) => event.type === 'resync')
    events.stop()
    await expect
      .poll(async () => (await hypervisor.getDomain(spec.uuid))?.state, { timeout: 10_000, interval: 50 })
      .toBe('shut-off')
    await hypervisor.undefineDomain(spec.uuid)
  })

  test('a libvirtd that hangs is noticed, and all is well when it goes on', async () => {
    const spec = await newSpec()
    await hypervisor.startDomain(spec)
    const events = follow()
    await events.next((event) => event.type === 'resync')
    await host.pauseLibvirtd()
    await events.next((event) => event.type === 'disconnected')
    await expect(hypervisor.listDomains()).rejects.toMatchObject({ code: 'unavailable' })
    await host.resumeLibvirtd()
    await events.next((event) => event.type === 'resync')
    events.stop()
    expect(await hypervisor.getDomain(spec.uuid)).toMatchObject({ state: 'running' })
    await hypervisor.destroyDomain(spec.uuid)
    await hypervisor.undefineDomain(spec.uuid)
  })

  test('twenty machines at once all start', async () => {
    const specs = await Promise.all(Array.from({ length: 20 }, () => newSpec()))
    await Promise.all(specs.map((spec) => hypervisor.startDomain(spec)))
    const running = (await hypervisor.listDomains()).filter((domain) => domain.state === 'running')
    expect(running.map(({ uuid }) => uuid).toSorted()).toEqual(specs.map(({ uuid }) => uuid).toSorted())
    await Promise.all(
      specs.map(async ({ uuid }) => {
        await hypervisor.destroyDomain(uuid)
        await hypervisor.undefineDomain(uuid)
      }),
    )
    expect(await hypervisor.listDomains()).toEqual([])
  })

  test('a guest with an agent tells of itself, is on the network, and shuts down through the agent', async () => {
    const image = await buildGuestImage(guestCache, () => {})
    const run: RunProgram = (argv, input) => host.exec(argv, input)
    const send: SendBroadcast = (message, route) => host.sendDatagram(message, route)
    const networks = libvirtNetworks({ libvirt, log: silentLogger, run, send })
    const { bridge } = await networks.ensureNetwork({
      type: 'nat',
      name: 'conf-guest',
      cidr: '10.213.77.0/24',
      gateway: '10.213.77.1',
      dhcpStart: '10.213.77.2',
      dhcpEnd: '10.213.77.254',
      dns: [],
    })
    const address = { macAddress: '52:54:00:13:77:42', ipAddress: '10.213.77.42', name: 'guest' }
    await networks.ensureDhcpHost('conf-guest', address)
    const path = join(host.directory, 'guest.qcow2')
    await copyFile(image, path)
    const spec = await newSpec({
      memory: { bytes: 256 * 1024 ** 2 },
      disks: [aDomainDisk({ name: 'root', path, format: 'qcow2', bus: 'virtio', bootOrder: 1 })],
      interfaces: [
        aDomainInterface({ name: 'main', bridge, model: 'virtio', macAddress: address.macAddress }),
      ],
    })
    const events = follow()
    await hypervisor.startDomain(spec)
    await events.next((event) => event.type === 'agent' && event.uuid === spec.uuid && event.connected)

    const facts = () => hypervisor.guestFacts(spec.uuid, 10_000)
    await expect
      .poll(async () => (await facts())?.interfaces.flatMap(({ ipAddresses }) => ipAddresses), {
        timeout: 20_000,
        interval: 200,
      })
      .toContain(address.ipAddress)
    expect(await facts()).toMatchObject({
      hostname: expect.stringMatching(/.+/) as string,
      operatingSystem: expect.stringContaining('Kvorum') as string,
      interfaces: expect.arrayContaining([
        expect.objectContaining({ guestName: 'eth0', macAddress: address.macAddress }),
      ]) as unknown,
    })

    await hypervisor.shutdownDomain(spec.uuid)
    const end = await events.next(
      (event) => event.type === 'domain' && event.uuid === spec.uuid && event.state === 'shut-off',
    )
    events.stop()
    expect(end).toMatchObject({ stateReason: 'guest-shutdown' })
  })
})
