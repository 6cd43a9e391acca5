import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { DomainSpec } from '../../node-daemon/hypervisor/domain-spec.ts'
import type { Hypervisor, HypervisorEvent } from '../../node-daemon/hypervisor/hypervisor.ts'
import { follow, macFrom, typed } from './hypervisor-events.ts'
import type { HypervisorUnderTest } from './hypervisor-under-test.ts'
import { aCpu, aDomainDisk, aDomainInterface, aFirmware, aDomainSpec } from '../support/domain-spec.ts'

/** What every implementation of `Hypervisor` must do. Skipped, with the reason, when something is missing for it. */
export function hypervisorConformance(
  name: string,
  create: () => Promise<HypervisorUnderTest>,
  missing?: string,
): void {
  const needs = missing === undefined ? '' : ` (needs ${missing})`
  describe.skipIf(missing !== undefined)(`${name}: a hypervisor${needs}`, () => {
    let subject: HypervisorUnderTest
    let hypervisor: Hypervisor
    const started = new Set<DomainSpec>()

    beforeAll(async () => {
      subject = await create()
      hypervisor = subject.hypervisor
    })
    afterEach(async () => {
      for (const spec of started) {
        await hypervisor.destroyDomain(spec.uuid)
        await hypervisor.undefineDomain(spec.uuid)
      }
      started.clear()
    })
    afterAll(() => subject.dispose())

    const newSpec = async (change: Partial<DomainSpec> = {}): Promise<DomainSpec> => {
      const uuid = randomUUID()
      const spec: DomainSpec = aDomainSpec({
        owner: { namespace: 'conf', name: `vm-${uuid.slice(0, 8)}`, uid: randomUUID() },
        uuid,
        name: `conf_vm-${uuid.slice(0, 8)}`,
        cpu: aCpu({ sockets: 1, cores: 1, threads: 1 }),
        memory: { bytes: 64 * 1024 ** 2 },
        firmware: aFirmware({ type: 'bios' }),
        disks: [
          aDomainDisk({
            name: 'root',
            path: await subject.newDisk(),
            format: 'raw',
            bus: 'virtio',
            bootOrder: 1,
          }),
        ],
        interfaces: [
          aDomainInterface({
            name: 'main',
            bridge: subject.bridge,
            model: 'virtio',
            macAddress: macFrom(uuid),
            mtu: 1400,
          }),
        ],
        ...change,
      })
      started.add(spec)
      return spec
    }
    const runningGuest = async (change?: Partial<DomainSpec>): Promise<DomainSpec> => {
      const spec = await newSpec(change)
      await hypervisor.startDomain(spec)
      await subject.guestIsUp(spec)
      return spec
    }
    /** Does something and waits for an event of this domain that says it is off; returns its state then. */
    const untilOff = async (spec: DomainSpec, act: () => Promise<unknown>) => {
      const events = follow(hypervisor)
      await act()
      await events.until(
        (event) => event.type === 'domain' && event.uuid === spec.uuid && event.state === 'shut-off',
      )
      await events.stop()
      return hypervisor.getDomain(spec.uuid)
    }

    test('describes the host', async () => {
      const facts = await hypervisor.describe()
      expect(facts.architecture).toMatch(/^[a-z0-9_]+$/)
      expect(['KVM', 'TCG', 'None']).toContain(facts.accelerator)
      expect(facts.cpus).toBeGreaterThan(0)
      expect(facts.memoryBytes).toBeGreaterThan(2 ** 26)
    })

    describe('starting', () => {
      test('defines and runs the domain, with its owner', async () => {
        const spec = await newSpec()
        await hypervisor.startDomain(spec)
        const expected = {
          uuid: spec.uuid,
          name: spec.name,
          owner: spec.owner,
          state: 'running',
          stateReason: 'started',
        }
        expect(await hypervisor.getDomain(spec.uuid)).toEqual(expected)
        expect(await hypervisor.listDomains()).toContainEqual(expected)
      })

      test('what runs already changes nothing', async () => {
        const spec = await runningGuest()
        await Promise.all([hypervisor.startDomain(spec), hypervisor.startDomain(spec)])
        expect(await hypervisor.getDomain(spec.uuid)).toMatchObject({ state: 'running' })
      })

      test('twice at the same time starts it once', async () => {
        const spec = await newSpec()
        await Promise.all([hypervisor.startDomain(spec), hypervisor.startDomain(spec)])
        expect(await hypervisor.getDomain(spec.uuid)).toMatchObject({ state: 'running', owner: spec.owner })
      })

      test('again after it was off takes what the spec says now', async () => {
        const spec = await runningGuest()
        await hypervisor.destroyDomain(spec.uuid)
        const changed = { ...spec, cpu: aCpu({ sockets: 1, cores: 2, threads: 1 }) }
        await hypervisor.startDomain(changed)
        expect(await hypervisor.getDomain(spec.uuid)).toMatchObject({ state: 'running' })
      })

      test.each([
        { what: 'emulated disks and cards', bus: 'sata', model: 'e1000e' },
        { what: 'SCSI disks and old cards', bus: 'scsi', model: 'rtl8139' },
      ] as const)('works with $what', async ({ bus, model }) => {
        const path = await subject.newDisk()
        const spec = await newSpec({
          disks: [aDomainDisk({ name: 'root', path, format: 'raw', bus })],
          interfaces: [
            aDomainInterface({
              name: 'main',
              bridge: subject.bridge,
              model,
              macAddress: '52:54:00:00:00:77',
            }),
          ],
        })
        await hypervisor.startDomain(spec)
        expect(await hypervisor.getDomain(spec.uuid)).toMatchObject({ state: 'running' })
      })

      test('as another run while one is defined is a conflict that names the other', async () => {
        const spec = await runningGuest()
        const other = { ...spec, owner: { ...spec.owner, uid: 'another-run' } }
        await expect(hypervisor.startDomain(other)).rejects.toMatchObject({
          code: 'conflict',
          message: expect.stringContaining(spec.owner.uid) as string,
        })
        expect(await hypervisor.getDomain(spec.uuid)).toMatchObject({ owner: spec.owner, state: 'running' })
      })

      test('under a name in use is a conflict', async () => {
        const spec = await runningGuest()
        const namesake = await newSpec({ name: spec.name })
        await expect(hypervisor.startDomain(namesake)).rejects.toMatchObject({ code: 'conflict' })
        expect(await hypervisor.getDomain(namesake.uuid)).toBeUndefined()
      })

      test('under the name of a switched-off former life of the same machine takes its place', async () => {
        const former = await runningGuest()
        await hypervisor.destroyDomain(former.uuid)
        const spec = await newSpec({ name: former.name, owner: { ...former.owner, uid: 'a-new-life' } })
        await hypervisor.startDomain(spec)
        expect(await hypervisor.getDomain(spec.uuid)).toMatchObject({ state: 'running' })
        expect(await hypervisor.getDomain(former.uuid)).toBeUndefined()
      })

      test("under the name of another machine's domain is a conflict, switched off or not", async () => {
        const former = await runningGuest()
        await hypervisor.destroyDomain(former.uuid)
        const spec = await newSpec({ name: former.name, owner: { ...former.owner, name: 'another' } })
        await expect(hypervisor.startDomain(spec)).rejects.toMatchObject({ code: 'conflict' })
        expect(await hypervisor.getDomain(former.uuid)).toMatchObject({ state: 'shut-off' })
      })

      test('with an aborted signal does nothing', async () => {
        const spec = await newSpec()
        await expect(hypervisor.startDomain(spec, AbortSignal.abort(new Error('enough')))).rejects.toThrow(
          'enough',
        )
        expect(await hypervisor.getDomain(spec.uuid)).toBeUndefined()
      })
    })

    describe('ending', () => {
      test('a shutdown request reaches the guest, and doing it again is no error', async () => {
        const spec = await runningGuest()
        expect(await untilOff(spec, () => hypervisor.shutdownDomain(spec.uuid))).toMatchObject({
          state: 'shut-off',
          stateReason: 'guest-shutdown',
        })
        await hypervisor.shutdownDomain(spec.uuid)
      })

      test('powering off leaves no process, and doing it again is no error', async () => {
        const spec = await runningGuest()
        await hypervisor.destroyDomain(spec.uuid)
        expect(await hypervisor.getDomain(spec.uuid)).toMatchObject({
          state: 'shut-off',
          stateReason: 'destroyed',
        })
        await hypervisor.destroyDomain(spec.uuid)
      })

      test('undefining forgets it with all its files, and doing it again is no error', async () => {
        const spec = await runningGuest({ firmware: aFirmware({ type: 'uefi' }) })
        await hypervisor.destroyDomain(spec.uuid)
        expect(await subject.leftovers(spec)).not.toEqual([])
        await hypervisor.undefineDomain(spec.uuid)
        expect(await hypervisor.getDomain(spec.uuid)).toBeUndefined()
        expect(await subject.leftovers(spec)).toEqual([])
        await hypervisor.undefineDomain(spec.uuid)
      })

      test('undefining what runs is a conflict', async () => {
        const spec = await runningGuest()
        await expect(hypervisor.undefineDomain(spec.uuid)).rejects.toMatchObject({ code: 'conflict' })
        expect(await hypervisor.getDomain(spec.uuid)).toMatchObject({ state: 'running' })
      })

      test('a domain that never was is ended without effect', async () => {
        const uuid = randomUUID()
        await hypervisor.shutdownDomain(uuid)
        await hypervisor.destroyDomain(uuid)
        await hypervisor.undefineDomain(uuid)
        expect(await hypervisor.getDomain(uuid)).toBeUndefined()
      })

      test.each([
        { what: 'the guest powers itself off', act: 'guestPowerOff', stateReason: 'guest-shutdown' },
        { what: "the guest's kernel panics", act: 'guestCrash', stateReason: 'panicked' },
        { what: 'its process is killed', act: 'killProcess', stateReason: 'crashed' },
        { what: 'somebody else powers it off', act: 'destroyByHand', stateReason: 'destroyed' },
      ] as const)(
        'when $what, an event says so and the reason is $stateReason',
        async ({ act, stateReason }) => {
          const spec = await runningGuest()
          expect(await untilOff(spec, () => subject[act](spec))).toMatchObject({
            state: 'shut-off',
            stateReason,
            owner: spec.owner,
          })
        },
      )
    })

    describe('a domain that is not ours', () => {
      test('is listed without owner and never touched', async () => {
        const uuid = randomUUID()
        const name = `conf-foreign-${uuid.slice(0, 8)}`
        await subject.addForeignDomain(uuid, name)
        expect(await hypervisor.listDomains()).toContainEqual(
          expect.objectContaining({ uuid, name, owner: undefined }),
        )
        const spec = await newSpec()
        started.delete(spec)
        const conflict = { code: 'conflict', message: expect.stringContaining(name) as string }
        await expect(hypervisor.startDomain({ ...spec, uuid })).rejects.toMatchObject(conflict)
        await expect(hypervisor.shutdownDomain(uuid)).rejects.toMatchObject(conflict)
        await expect(hypervisor.destroyDomain(uuid)).rejects.toMatchObject(conflict)
        await expect(hypervisor.undefineDomain(uuid)).rejects.toMatchObject(conflict)
        await expect(hypervisor.openConsole(uuid)).rejects.toMatchObject(conflict)
        expect(await hypervisor.getDomain(uuid)).toMatchObject({ uuid, name, owner: undefined })
      })
    })

    describe('the console', () => {
      test('carries both ways, goes to the last who opened it, and may be left', async () => {
        const spec = await runningGuest()
        const first = await hypervisor.openConsole(spec.uuid)
        expect(await typed(first, 'a')).toContain('a')
        const closed = new Promise((resolve) => first.once('close', resolve))
        const second = await hypervisor.openConsole(spec.uuid)
        await closed
        expect(await typed(second, 'b')).toContain('b')
        second.destroy()
        const third = await hypervisor.openConsole(spec.uuid)
        expect(await typed(third, 'c')).toContain('c')
        third.destroy()
      })

      test('ends with the machine', async () => {
        const spec = await runningGuest()
        const console = await hypervisor.openConsole(spec.uuid)
        console.on('error', () => {})
        console.resume()
        const closed = new Promise((resolve) => console.once('close', resolve))
        await hypervisor.destroyDomain(spec.uuid)
        await closed
      })

      test('needs a machine that runs', async () => {
        await expect(hypervisor.openConsole(randomUUID())).rejects.toMatchObject({ code: 'not-found' })
        const spec = await runningGuest()
        await hypervisor.destroyDomain(spec.uuid)
        await expect(hypervisor.openConsole(spec.uuid)).rejects.toMatchObject({ code: 'conflict' })
      })
    })

    describe('disks and guests', () => {
      test('a disk grows while the machine runs', async () => {
        const spec = await runningGuest()
        const path = spec.disks[0]?.path ?? ''
        await hypervisor.resizeDisk(spec.uuid, path, 8 * 1024 ** 2)
        await hypervisor.resizeDisk(spec.uuid, path, 8 * 1024 ** 2)
        const missing = hypervisor.resizeDisk(spec.uuid, `${path}.other`, 8 * 1024 ** 2)
        await expect(missing).rejects.toMatchObject({ code: 'not-found' })
        const nowhere = hypervisor.resizeDisk(randomUUID(), path, 8 * 1024 ** 2)
        await expect(nowhere).rejects.toMatchObject({ code: 'not-found' })
      })

      test('a guest without agent tells nothing', async () => {
        const spec = await runningGuest()
        expect(await hypervisor.guestFacts(spec.uuid, 500)).toBeUndefined()
        expect(await hypervisor.guestFacts(randomUUID(), 500)).toBeUndefined()
      })
    })

    describe('events', () => {
      test('begin with a resync and then tell what happens', async () => {
        const events = follow(hypervisor)
        const spec = await newSpec()
        await hypervisor.startDomain(spec)
        await events.until(
          (event) => event.type === 'domain' && event.uuid === spec.uuid && event.state === 'running',
        )
        expect(events.seen[0]).toEqual({ type: 'resync' })
        await events.stop()
      })

      test('end when the signal says so', async () => {
        const stop = new AbortController()
        const seen: HypervisorEvent[] = []
        for await (const event of hypervisor.events(stop.signal)) {
          seen.push(event)
          stop.abort()
        }
        expect(seen).toEqual([{ type: 'resync' }])
      })

      test('a lost connection is told, calls are unavailable, and a resync follows; machines go on', async () => {
        const spec = await runningGuest()
        const events = follow(hypervisor)
        await events.until((event) => event.type === 'resync')
        await subject.disconnect()
        await events.until((event) => event.type === 'disconnected')
        await expect(hypervisor.getDomain(spec.uuid)).rejects.toMatchObject({ code: 'unavailable' })
        await subject.reconnect()
        await events.until((event, index) => event.type === 'resync' && index > 0)
        expect(await hypervisor.getDomain(spec.uuid)).toMatchObject({ state: 'running', owner: spec.owner })
        expect(events.seen.filter((event) => event.type === 'disconnected')).toHaveLength(1)
        await events.stop()
      })
    })
  })
}
