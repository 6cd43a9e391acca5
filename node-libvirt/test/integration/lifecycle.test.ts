import { once } from 'node:events'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  LibvirtError,
  LibvirtHost,
  virDomainCreateFlags,
  virDomainEventDefinedDetailType,
  virDomainEventShutdownDetailType,
  virDomainEventStartedDetailType,
  virDomainEventStoppedDetailType,
  virDomainEventSuspendedDetailType,
  virDomainEventType,
  virDomainRunningReason,
  virDomainState,
  virErrorNumber,
} from '../../src/index.ts'
import { domainXml, nextEvent, ofType, removeDomain, startDomain } from '../fixtures/domains.ts'
import { PrivateLibvirtd } from '../fixtures/private-libvirtd.ts'

let libvirtd: PrivateLibvirtd
let host: LibvirtHost

beforeAll(async () => {
  libvirtd = await PrivateLibvirtd.start()
  host = await LibvirtHost.connect(libvirtd.uri)
})

afterAll(async () => {
  await host.close()
  await libvirtd[Symbol.asyncDispose]()
})

test('a domain from definition to oblivion, each step with its event and state', async () => {
  const events = host.listen()
  const { dom } = await host.query('domainDefineXml', { xml: domainXml() })
  const happened = async () => {
    const { event, detail } = await nextEvent(events, ofType('lifecycle', dom))
    return [event, detail]
  }
  const state = async () => (await host.query('domainGetState', { dom })).state

  expect(await happened()).toEqual([
    virDomainEventType.VIR_DOMAIN_EVENT_DEFINED,
    virDomainEventDefinedDetailType.VIR_DOMAIN_EVENT_DEFINED_ADDED,
  ])
  expect(await state()).toBe(virDomainState.VIR_DOMAIN_SHUTOFF)

  await host.job('domainCreateWithFlags', { dom, flags: virDomainCreateFlags.VIR_DOMAIN_START_PAUSED })
  expect(await happened()).toEqual([
    virDomainEventType.VIR_DOMAIN_EVENT_STARTED,
    virDomainEventStartedDetailType.VIR_DOMAIN_EVENT_STARTED_BOOTED,
  ])
  expect(await happened()).toEqual([
    virDomainEventType.VIR_DOMAIN_EVENT_SUSPENDED,
    virDomainEventSuspendedDetailType.VIR_DOMAIN_EVENT_SUSPENDED_PAUSED,
  ])
  expect(await state()).toBe(virDomainState.VIR_DOMAIN_PAUSED)

  await host.query('domainResume', { dom })
  expect((await happened())[0]).toBe(virDomainEventType.VIR_DOMAIN_EVENT_RESUMED)
  expect(await host.query('domainGetState', { dom })).toEqual({
    state: virDomainState.VIR_DOMAIN_RUNNING,
    reason: virDomainRunningReason.VIR_DOMAIN_RUNNING_UNPAUSED,
  })

  await host.query('domainSuspend', { dom })
  expect((await happened())[0]).toBe(virDomainEventType.VIR_DOMAIN_EVENT_SUSPENDED)
  await host.query('domainResume', { dom })
  expect((await happened())[0]).toBe(virDomainEventType.VIR_DOMAIN_EVENT_RESUMED)

  await host.query('domainDestroy', { dom })
  expect(await happened()).toEqual([
    virDomainEventType.VIR_DOMAIN_EVENT_SHUTDOWN,
    virDomainEventShutdownDetailType.VIR_DOMAIN_EVENT_SHUTDOWN_HOST,
  ])
  expect(await happened()).toEqual([
    virDomainEventType.VIR_DOMAIN_EVENT_STOPPED,
    virDomainEventStoppedDetailType.VIR_DOMAIN_EVENT_STOPPED_DESTROYED,
  ])
  await host.query('domainUndefine', { dom })
  expect((await happened())[0]).toBe(virDomainEventType.VIR_DOMAIN_EVENT_UNDEFINED)
  await expect(host.query('domainGetInfo', { dom })).rejects.toMatchObject({
    code: virErrorNumber.VIR_ERR_NO_DOMAIN,
    codeName: 'VIR_ERR_NO_DOMAIN',
    domainName: 'VIR_FROM_QEMU',
  })
})

test('a transient domain is gone after its end', async () => {
  const events = host.listen()
  const { dom } = await host.job('domainCreateXml', { xmlDesc: domainXml() })
  expect((await host.query('domainIsPersistent', { dom })).persistent).toBe(0)
  await host.query('domainDestroy', { dom })
  const isOfDomain = ofType('lifecycle', dom)
  while ((await nextEvent(events, isOfDomain)).event !== virDomainEventType.VIR_DOMAIN_EVENT_STOPPED);
  await expect(host.query('domainLookupByUuid', { uuid: dom.uuid })).rejects.toMatchObject({
    code: virErrorNumber.VIR_ERR_NO_DOMAIN,
  })
})

test('saved to a file and restored', async () => {
  await using guest = await startDomain(host)
  const { dom } = guest
  const to = join(libvirtd.directory, 'saved')
  await host.job('domainSave', { dom, to })
  expect((await host.query('domainGetState', { dom })).state).toBe(virDomainState.VIR_DOMAIN_SHUTOFF)
  const { xml } = await host.query('domainSaveImageGetXmlDesc', { file: to })
  expect(xml).toContain(`<name>${dom.name}</name>`)
  await host.job('domainRestore', { from: to })
  expect((await host.query('domainGetState', { dom })).state).toBe(virDomainState.VIR_DOMAIN_RUNNING)
  rmSync(to)
})

test('managed save and start', async () => {
  await using guest = await startDomain(host)
  const { dom } = guest
  await host.job('domainManagedSave', { dom })
  expect((await host.query('domainHasManagedSaveImage', { dom })).result).toBe(1)
  await host.job('domainCreate', { dom })
  expect((await host.query('domainHasManagedSaveImage', { dom })).result).toBe(0)
})

test('a handle is plain data: only the UUID counts', async () => {
  await using guest = await startDomain(host)
  const { uuid } = guest.dom
  const made = { name: 'another name', uuid: uuid.replaceAll('-', '').toUpperCase(), id: -1 }
  expect((await host.query('domainGetState', { dom: made })).state).toBe(virDomainState.VIR_DOMAIN_RUNNING)
  expect(await host.query('domainLookupByUuid', { uuid })).toEqual({ dom: guest.dom })
  expect(await host.query('domainLookupByName', { name: guest.dom.name })).toEqual({ dom: guest.dom })
  expect(await host.query('domainLookupById', { id: guest.dom.id })).toEqual({ dom: guest.dom })
})

describe('errors say what is wrong by code', () => {
  test('an operation that the state forbids', async () => {
    await using guest = await startDomain(host)
    const error = await host.job('domainCreate', { dom: guest.dom }).catch((reason: unknown) => reason)
    expect(LibvirtError.is(error, virErrorNumber.VIR_ERR_OPERATION_INVALID)).toBe(true)
    expect(error).toMatchObject({ procedure: 'domainCreate', level: 2 })
  })

  test('XML that is none', async () => {
    await expect(host.query('domainDefineXml', { xml: '<domain' })).rejects.toMatchObject({
      code: virErrorNumber.VIR_ERR_XML_DETAIL,
    })
  })

  test('a read-only connection that wants to write', async () => {
    await using reader = await LibvirtHost.connect(libvirtd.uri, { readOnly: true })
    await expect(reader.query('domainDefineXml', { xml: domainXml() })).rejects.toMatchObject({
      code: virErrorNumber.VIR_ERR_OPERATION_DENIED,
    })
  })
})

test('slow jobs leave the control connection free', async () => {
  // libvirt runs this before QEMU: each start takes a second, and fails.
  const hooks = libvirtd.path('etc/libvirt/hooks')
  mkdirSync(hooks)
  writeFileSync(join(hooks, 'qemu'), '#!/bin/sh\n[ "$2" = prepare ] && sleep 1 && exit 1\nexit 0\n', {
    mode: 0o755,
  })
  await libvirtd.stop()
  await libvirtd.run()
  while (host.state !== 'up') await once(host, 'state')
  try {
    const doms = []
    for (let index = 0; index < 12; index++)
      doms.push((await host.query('domainDefineXml', { xml: domainXml() })).dom)
    const started = performance.now()
    const jobs = Promise.allSettled(doms.map((dom) => host.job('domainCreate', { dom })))
    let isOver = false
    void jobs.then(() => {
      isOver = true
    })
    let [calls, slowest] = [0, 0]
    for (; !isOver; calls++) {
      const before = performance.now()
      await host.query('connectGetLibVersion')
      slowest = Math.max(slowest, performance.now() - before)
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    for (const job of await jobs)
      expect(job).toMatchObject({ reason: { code: virErrorNumber.VIR_ERR_HOOK_SCRIPT_FAILED } })
    // One after the other on one connection would have been twelve seconds, and the calls behind them as late.
    expect(performance.now() - started).toBeLessThan(6000)
    expect(calls).toBeGreaterThan(50)
    expect(slowest).toBeLessThan(500)
    for (const dom of doms) await removeDomain(host, dom)
  } finally {
    rmSync(hooks, { recursive: true })
  }
})
