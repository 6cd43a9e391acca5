import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { DomainSpec } from '../../node-daemon/hypervisor/domain-spec.ts'
import type { Hypervisor } from '../../node-daemon/hypervisor/hypervisor.ts'
import { aCpu, aDomainDisk, aDomainSpec, aFirmware } from '../support/domain-spec.ts'
import { follow, typed } from './hypervisor-events.ts'
import type { HypervisorUnderTest } from './hypervisor-under-test.ts'

/** What every implementation of `Hypervisor` does with machines that stand still or sleep, and with definitions. */
export function hypervisorPowerConformance(
  name: string,
  create: () => Promise<HypervisorUnderTest>,
  missing?: string,
): void {
  const needs = missing === undefined ? '' : ` (needs ${missing})`
  describe.skipIf(missing !== undefined)(`${name}: power of a hypervisor's machines${needs}`, () => {
    let subject: HypervisorUnderTest
    let hypervisor: Hypervisor
    const started: DomainSpec[] = []

    beforeAll(async () => {
      subject = await create()
      hypervisor = subject.hypervisor
    })
    afterEach(async () => {
      for (const { uuid, disks } of started.splice(0)) {
        await hypervisor.destroyDomain(uuid)
        await hypervisor.undefineDomain(uuid)
        for (const { path } of disks) await hypervisor.removeSavedMemory(`${path}.memory`)
      }
    })
    afterAll(() => subject.dispose())

    const runningGuest = async (): Promise<{ spec: DomainSpec; memory: string }> => {
      const uuid = randomUUID()
      const path = await subject.newDisk()
      const spec = aDomainSpec({
        owner: { namespace: 'conf', name: `vm-${uuid.slice(0, 8)}`, uid: randomUUID() },
        uuid,
        name: `conf_vm-${uuid.slice(0, 8)}`,
        cpu: aCpu({ sockets: 1, cores: 1, threads: 1 }),
        memory: { bytes: 64 * 1024 ** 2 },
        firmware: aFirmware({ type: 'bios' }),
        disks: [aDomainDisk({ name: 'root', path, format: 'raw', bus: 'virtio', bootOrder: 1 })],
        interfaces: [],
      })
      started.push(spec)
      await hypervisor.startDomain(spec)
      await subject.guestIsUp(spec)
      return { spec, memory: `${path}.memory` }
    }
    const stateOf = async ({ uuid }: DomainSpec) => (await hypervisor.getDomain(uuid))?.state

    test('pauses and resumes, each as often as one likes, and tells', async () => {
      const { spec } = await runningGuest()
      const events = follow(hypervisor)
      await hypervisor.pauseDomain(spec.uuid)
      await hypervisor.pauseDomain(spec.uuid)
      expect(await hypervisor.getDomain(spec.uuid)).toMatchObject({ state: 'paused', stateReason: 'unknown' })
      await hypervisor.resumeDomain(spec.uuid)
      await hypervisor.resumeDomain(spec.uuid)
      expect(await stateOf(spec)).toBe('running')
      // One for each, whatever it says: it is the state that counts.
      let seen = 0
      await events.until((event) => event.type === 'domain' && event.uuid === spec.uuid && ++seen >= 2)
      await events.stop()
    })

    test('what is off can neither be paused nor saved', async () => {
      const { spec, memory } = await runningGuest()
      await hypervisor.destroyDomain(spec.uuid)
      await expect(hypervisor.pauseDomain(spec.uuid)).rejects.toMatchObject({ code: 'conflict' })
      await expect(hypervisor.saveDomain(spec.uuid, memory)).rejects.toMatchObject({ code: 'conflict' })
      await expect(hypervisor.resumeDomain(randomUUID())).rejects.toMatchObject({ code: 'not-found' })
    })

    test.each([false, true])(
      'saves the memory and brings it back, standing still (paused before: %s)',
      async (paused) => {
        const { spec, memory } = await runningGuest()
        expect(await hypervisor.savedMemory(memory)).toBeUndefined()
        if (paused) await hypervisor.pauseDomain(spec.uuid)
        await hypervisor.saveDomain(spec.uuid, memory)
        expect(await hypervisor.getDomain(spec.uuid)).toMatchObject({
          state: 'shut-off',
          stateReason: 'saved',
        })
        expect(await hypervisor.savedMemory(memory)).toMatchObject({ complete: true })

        await hypervisor.restoreDomain(spec, memory)
        await hypervisor.restoreDomain(spec, memory)
        const back = await hypervisor.getDomain(spec.uuid)
        expect(back).toMatchObject({ state: 'paused', owner: spec.owner })
        await hypervisor.pauseDomain(spec.uuid)
        expect(await hypervisor.savedMemory(memory)).toMatchObject({ complete: true })
        await hypervisor.removeSavedMemory(memory)
        await hypervisor.removeSavedMemory(memory)
        await hypervisor.resumeDomain(spec.uuid)
        expect(await stateOf(spec)).toBe('running')
        const console = await hypervisor.openConsole(spec.uuid)
        expect(await typed(console, 'back')).toContain('back')
        console.destroy()
      },
    )

    test('brings back what was undefined meanwhile, with a definition', async () => {
      const { spec, memory } = await runningGuest()
      await hypervisor.saveDomain(spec.uuid, memory)
      await hypervisor.undefineDomain(spec.uuid)
      await hypervisor.restoreDomain(spec, memory)
      expect(await stateOf(spec)).toBe('paused')
      expect(await hypervisor.definitionOf(spec.uuid)).toBeDefined()
    })

    test('memory that is not there brings nothing back', async () => {
      const { spec, memory } = await runningGuest()
      await hypervisor.destroyDomain(spec.uuid)
      await expect(hypervisor.restoreDomain(spec, memory)).rejects.toMatchObject({ code: 'failed' })
      expect(await stateOf(spec)).toBe('shut-off')
    })

    test('a definition stays as it is over a run, and can be put back', async () => {
      const { spec } = await runningGuest()
      const definition = await hypervisor.definitionOf(spec.uuid)
      await hypervisor.pauseDomain(spec.uuid)
      await hypervisor.resumeDomain(spec.uuid)
      expect(await hypervisor.definitionOf(spec.uuid)).toBe(definition)
      await hypervisor.putDefinition(definition ?? '')
      expect(await hypervisor.definitionOf(spec.uuid)).toBe(definition)
      expect(await hypervisor.definitionOf(randomUUID())).toBeUndefined()
    })

    test('a panic is told as one', async () => {
      const { spec } = await runningGuest()
      const events = follow(hypervisor)
      await subject.guestCrash(spec)
      await events.until(
        (event) => event.type === 'domain' && event.uuid === spec.uuid && event.state === 'shut-off',
      )
      const ends = events.seen.filter((event) => event.type === 'domain' && event.state === 'shut-off')
      await events.stop()
      expect(ends.at(-1)).toMatchObject({ stateReason: 'panicked' })
      expect(await hypervisor.getDomain(spec.uuid)).toMatchObject({ stateReason: 'panicked' })
    })

    test('a killed process is no panic', async () => {
      const { spec } = await runningGuest()
      const events = follow(hypervisor)
      await subject.killProcess(spec)
      await events.until(
        (event) => event.type === 'domain' && event.uuid === spec.uuid && event.state === 'shut-off',
      )
      await events.stop()
      expect(await hypervisor.getDomain(spec.uuid)).toMatchObject({ stateReason: 'crashed' })
    })
  })
}
