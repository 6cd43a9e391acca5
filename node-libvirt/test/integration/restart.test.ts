import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import {
  DisconnectedError,
  LibvirtHost,
  TimeoutError,
  virDomainEventType,
  virDomainState,
} from '../../src/index.ts'
import { domainXml, nextEvent, ofType, removeDomain, startDomain } from '../fixtures/domains.ts'
import { PrivateLibvirtd } from '../fixtures/private-libvirtd.ts'
import { createPool, createVolume } from '../fixtures/storage.ts'

let libvirtd: PrivateLibvirtd
let host: LibvirtHost

beforeEach(async () => {
  libvirtd = await PrivateLibvirtd.start()
  host = await LibvirtHost.connect(libvirtd.uri, {
    keepAlive: { interval: 200, count: 3 },
    backoff: { min: 20, max: 200 },
  })
})

afterEach(async () => {
  await host.close()
  await libvirtd[Symbol.asyncDispose]()
})

async function untilState(state: LibvirtHost['state']): Promise<void> {
  while (host.state !== state) await once(host, 'state')
}

test.each<NodeJS.Signals>(['SIGTERM', 'SIGKILL'])('the daemon ends by %s and comes back', async (signal) => {
  await using guest = await startDomain(host)
  const { dom } = guest
  const events = host.listen()
  await nextEvent(events, ofType('resync'))
  await libvirtd.stop(signal)
  await untilState('down')
  await expect(host.query('connectGetHostname')).rejects.toThrow(DisconnectedError)
  await libvirtd.run()
  await nextEvent(events, ofType('resync'))
  // The guest has not noticed, and events flow again.
  expect((await host.query('domainGetState', { dom })).state).toBe(virDomainState.VIR_DOMAIN_RUNNING)
  await host.query('domainSuspend', { dom })
  expect(await nextEvent(events, ofType('lifecycle', dom))).toMatchObject({ dom: { name: dom.name } })
})

test('the daemon dies while calls, jobs and a download are under way: each ends with DisconnectedError', async () => {
  const pool = await createPool(host, join(libvirtd.directory, 'pool'), 'nlv-pool')
  const vol = await createVolume(host, pool, { name: 'big', bytes: 512 * 1024 * 1024 })
  const { stream } = await host.stream('storageVolDownload', { vol, offset: 0n, length: 0n })
  await once(stream, 'readable')
  const broken = once(stream, 'error')
  libvirtd.freeze(true)
  const pending = [
    host.query('connectGetCapabilities'),
    host.query('connectListAllDomains'),
    ...Array.from({ length: 20 }, () => host.query('connectGetHostname')),
    host.job('connectGetHostname'),
  ]
  const settled = Promise.allSettled(pending)
  await libvirtd.stop('SIGKILL')
  for (const call of await settled)
    expect(call).toMatchObject({ status: 'rejected', reason: expect.any(DisconnectedError) })
  stream.resume()
  expect((await broken)[0]).toBeInstanceOf(DisconnectedError)
})

test('the daemon freezes: it is noticed in time, calls end, and it is found again when it thaws', async () => {
  const started = performance.now()
  libvirtd.freeze(true)
  const call = host.query('connectGetHostname', undefined, { timeout: 0 })
  await expect(call).rejects.toThrow(/no sign of life/)
  expect(performance.now() - started).toBeLessThan(200 * 5 + 500)
  libvirtd.freeze(false)
  await untilState('up')
  await expect(host.query('connectGetHostname')).resolves.toEqual({ hostname: expect.any(String) })
})

test('a job that is given up goes on in the daemon: its event tells', async () => {
  // The hook makes each start take half a second.
  const hooks = libvirtd.path('etc/libvirt/hooks')
  mkdirSync(hooks)
  writeFileSync(join(hooks, 'qemu'), '#!/bin/sh\n[ "$2" = prepare ] && sleep 0.5\nexit 0\n', { mode: 0o755 })
  await libvirtd.stop()
  await libvirtd.run()
  await untilState('up')
  const events = host.listen()
  const { dom } = await host.query('domainDefineXml', { xml: domainXml() })
  await expect(host.job('domainCreate', { dom }, { timeout: 200 })).rejects.toThrow(TimeoutError)
  expect((await host.query('domainGetState', { dom })).state).not.toBe(virDomainState.VIR_DOMAIN_RUNNING)
  const lifecycle = ofType('lifecycle', dom)
  while ((await nextEvent(events, lifecycle)).event !== virDomainEventType.VIR_DOMAIN_EVENT_STARTED);
  expect(await host.query('domainGetState', { dom })).toMatchObject({
    state: virDomainState.VIR_DOMAIN_RUNNING,
  })
  await removeDomain(host, dom)
})

test('restart after restart: nothing leaks, every loss is followed by a resync', async () => {
  const events = host.listen()
  const before = process.getActiveResourcesInfo().length
  for (let round = 0; round < 6; round++) {
    await nextEvent(events, ofType('resync'))
    await libvirtd.stop('SIGKILL')
    await untilState('down')
    await libvirtd.run()
  }
  await nextEvent(events, ofType('resync'))
  expect(process.getActiveResourcesInfo().length).toBeLessThanOrEqual(before + 3)
})
