import { networkInterfaces } from 'node:os'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  LibvirtHost,
  VIR_MIGRATE_PARAM_BANDWIDTH,
  VIR_MIGRATE_PARAM_URI,
  migrateToUri3,
  typedParam,
  virDomainEventStoppedDetailType,
  virDomainEventType,
  virDomainMigrateFlags,
  virDomainState,
  virErrorNumber,
} from '../../src/index.ts'
import type { TypedParam } from '../../src/index.ts'
import { GuestConsole } from '../fixtures/console.ts'
import { nextEvent, ofType, removeDomain, startDomain } from '../fixtures/domains.ts'
import { freePort } from '../fixtures/free-port.ts'
import { guestImage } from '../fixtures/guest-image.ts'
import type { GuestImage } from '../fixtures/guest-image.ts'
import { PrivateLibvirtd } from '../fixtures/private-libvirtd.ts'

let source: PrivateLibvirtd
let target: PrivateLibvirtd
let here: LibvirtHost
let there: LibvirtHost
let image: GuestImage

beforeAll(async () => {
  image = await guestImage()
  source = await PrivateLibvirtd.start()
  target = await PrivateLibvirtd.start()
  here = await LibvirtHost.connect(source.uri, {
    events: ['lifecycle', 'migrationIteration', 'jobCompleted'],
  })
  there = await LibvirtHost.connect(target.uri, { events: ['lifecycle'] })
}, 120_000)

afterAll(async () => {
  await here.close()
  await there.close()
  await source[Symbol.asyncDispose]()
  await target[Symbol.asyncDispose]()
})

/** libvirt refuses to migrate over the loopback address. */
function ownAddress(): string {
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? [])
  const found = addresses.find(({ family, internal }) => family === 'IPv4' && !internal)
  if (found === undefined) throw new Error('This machine has no address but the loopback')
  return found.address
}

const migrateUri = async () =>
  typedParam.string(VIR_MIGRATE_PARAM_URI, `tcp://${ownAddress()}:${await freePort()}`)
const { VIR_MIGRATE_LIVE, VIR_MIGRATE_UNDEFINE_SOURCE, VIR_MIGRATE_PERSIST_DEST } = virDomainMigrateFlags
const flags = VIR_MIGRATE_LIVE | VIR_MIGRATE_UNDEFINE_SOURCE | VIR_MIGRATE_PERSIST_DEST
const dconnuri = () => `qemu+unix:///system?socket=${target.socket}`

describe('peer to peer between two daemons', () => {
  test('the guest goes on over there, with events and statistics on the way', async () => {
    await using guest = await startDomain(here, { image })
    const { dom } = guest
    const shell = await GuestConsole.open(here, dom)
    await shell.run('echo still me > /tmp/proof')
    shell.stream.destroy()
    const [events, arrivals] = [here.listen(), there.listen()]
    const stats: Record<string, unknown>[] = []
    // Slow enough to be watched.
    const params: TypedParam[] = [await migrateUri(), typedParam.ullong(VIR_MIGRATE_PARAM_BANDWIDTH, 24n)]
    await migrateToUri3(here, dom, dconnuri(), {
      flags,
      params,
      onProgress: (progress) => stats.push(progress),
      progressInterval: 100,
    })
    expect(await nextEvent(events, ofType('migrationIteration', dom))).toMatchObject({ iteration: 1 })
    expect(stats.length).toBeGreaterThan(1)
    expect(stats.at(-1)).toMatchObject({
      memory_total: expect.any(BigInt),
      memory_processed: expect.any(BigInt),
    })
    expect((await there.query('domainGetState', { dom })).state).toBe(virDomainState.VIR_DOMAIN_RUNNING)
    await expect(here.query('domainGetState', { dom })).rejects.toMatchObject({
      code: virErrorNumber.VIR_ERR_NO_DOMAIN,
    })
    const stopped = ofType('lifecycle', dom)
    let last = await nextEvent(events, stopped)
    while (last.event !== virDomainEventType.VIR_DOMAIN_EVENT_STOPPED) last = await nextEvent(events, stopped)
    expect(last.detail).toBe(virDomainEventStoppedDetailType.VIR_DOMAIN_EVENT_STOPPED_MIGRATED)
    await nextEvent(arrivals, ofType('lifecycle', dom))
    const moved = await GuestConsole.open(there, dom)
    expect(await moved.run('cat /tmp/proof')).toContain('still me')
    moved.stream.destroy()
    await removeDomain(there, dom)
  })

  test('given up by signal it is aborted in libvirt too, and the guest stays', async () => {
    await using guest = await startDomain(here, { image })
    const { dom } = guest
    const controller = new AbortController()
    const params = [await migrateUri(), typedParam.ullong(VIR_MIGRATE_PARAM_BANDWIDTH, 1n)]
    const migration = migrateToUri3(here, dom, dconnuri(), {
      flags,
      params,
      signal: controller.signal,
      onProgress: () => controller.abort(new Error('changed my mind')),
      progressInterval: 50,
    })
    await expect(migration).rejects.toThrow('changed my mind')
    expect((await here.query('domainGetState', { dom })).state).toBe(virDomainState.VIR_DOMAIN_RUNNING)
    expect((await here.query('domainGetJobInfo', { dom })).type).toBe(0)
    await expect(there.query('domainLookupByUuid', { uuid: dom.uuid })).rejects.toMatchObject({
      code: virErrorNumber.VIR_ERR_NO_DOMAIN,
    })
  })

  test('to a daemon that is not there fails with its error, and the guest stays', async () => {
    await using guest = await startDomain(here)
    const { dom } = guest
    const nowhere = 'qemu+unix:///system?socket=/nonexistent/nlv'
    await expect(
      migrateToUri3(here, dom, nowhere, { flags, params: [await migrateUri()] }),
    ).rejects.toMatchObject({
      name: 'LibvirtError',
    })
    expect((await here.query('domainGetState', { dom })).state).toBe(virDomainState.VIR_DOMAIN_RUNNING)
  })

  test.each(['qemu+tls://localhost/system', 'qemu+tcp://127.0.0.1/system', 'qemu+tcp://[::1]/system'])(
    '%s is refused before anything is asked',
    async (uri) => {
      const dom = { name: 'any', uuid: '00112233-4455-6677-8899-aabbccddeeff', id: 1 }
      await expect(migrateToUri3(here, dom, uri)).rejects.toThrow(/on its own host/)
    },
  )
})
