import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { LibvirtHost, virDomainConsoleFlags, virErrorNumber } from '../../src/index.ts'
import type { Domain } from '../../src/index.ts'
import { GuestConsole } from '../fixtures/console.ts'
import { agentChannel, nextEvent, ofType, removeDomain, startDomain } from '../fixtures/domains.ts'
import { guestImage } from '../fixtures/guest-image.ts'
import { PrivateLibvirtd } from '../fixtures/private-libvirtd.ts'

let libvirtd: PrivateLibvirtd
let host: LibvirtHost
let dom: Domain
let shell: GuestConsole

beforeAll(async () => {
  const image = await guestImage()
  libvirtd = await PrivateLibvirtd.start()
  host = await LibvirtHost.connect(libvirtd.uri)
  const events = host.listen()
  const guest = await startDomain(host, { image, devices: agentChannel })
  dom = guest.dom
  shell = await GuestConsole.open(host, dom)
  while ((await nextEvent(events, ofType('agentLifecycle', dom))).state !== 1);
}, 120_000)

afterAll(async () => {
  await removeDomain(host, dom)
  await host.close()
  await libvirtd[Symbol.asyncDispose]()
})

describe('the console', () => {
  test('runs what is typed and shows what it prints', async () => {
    expect(await shell.run('echo $((6 * 7))')).toMatch(/\b42\r?\n/)
  })

  test('carries much in one go', async () => {
    const lines = (await shell.run('seq 1 5000')).match(/(?<=^|# )\d+\r?$/gm) ?? []
    expect(lines.map(Number)).toEqual(Array.from({ length: 5000 }, (_, index) => index + 1))
  })

  test('is busy for a second reader, unless that one insists', async () => {
    await expect(host.stream('domainOpenConsole', { dom })).rejects.toMatchObject({
      code: virErrorNumber.VIR_ERR_OPERATION_FAILED,
    })
    const ended = once(shell.stream, 'error')
    const flags = virDomainConsoleFlags.VIR_DOMAIN_CONSOLE_FORCE
    const { stream } = await host.stream('domainOpenConsole', { dom, flags })
    expect(await ended).toMatchObject([{ name: 'LibvirtError', procedure: 'domainOpenConsole' }])
    stream.end()
    await once(stream.resume(), 'close')
    shell = await GuestConsole.open(host, dom)
  })
})

describe('the guest agent', () => {
  const agent = async (execute: string) => {
    const cmd = JSON.stringify({ execute })
    const { result } = await host.job('qemuDomainAgentCommand', { dom, cmd, timeout: 10 })
    return JSON.parse(result ?? 'null') as { readonly return: unknown }
  }

  test('answers a command', async () => {
    expect(await agent('guest-ping')).toEqual({ return: {} })
    expect(await agent('guest-get-osinfo')).toMatchObject({ return: { machine: 'x86_64' } })
  })

  test('that does not know a command says so', async () => {
    await expect(agent('guest-explode')).rejects.toMatchObject({
      code: virErrorNumber.VIR_ERR_INTERNAL_ERROR,
    })
  })

  test('gives the time and takes it', async () => {
    await host.job('domainSetTime', { dom, seconds: 1_900_000_000n, nseconds: 0, flags: 0 })
    const { seconds } = await host.job('domainGetTime', { dom })
    expect(Number(seconds)).toBeGreaterThanOrEqual(1_900_000_000)
    expect(Number(seconds)).toBeLessThan(1_900_000_100)
  })

  test('freezes and thaws', async () => {
    expect(await host.job('domainFsfreeze', { dom, mountpoints: [] })).toEqual({
      filesystems: expect.any(Number),
    })
    await host.job('domainFsthaw', { dom, mountpoints: [] })
  })

  test('that is not there is an error of its own', async () => {
    await using bare = await startDomain(host, { devices: agentChannel })
    const call = host.job('qemuDomainAgentCommand', {
      dom: bare.dom,
      cmd: '{"execute":"guest-ping"}',
      timeout: 1,
    })
    await expect(call).rejects.toMatchObject({ code: virErrorNumber.VIR_ERR_AGENT_UNRESPONSIVE })
  })
})

describe("QEMU's monitor", () => {
  test('speaks QMP', async () => {
    const { result } = await host.query('qemuDomainMonitorCommand', {
      dom,
      cmd: '{"execute":"query-status"}',
    })
    expect(JSON.parse(result)).toMatchObject({ return: { status: 'running', running: true } })
  })

  test('speaks its human language', async () => {
    const { result } = await host.query('qemuDomainMonitorCommand', { dom, cmd: 'info status', flags: 1 })
    expect(result).toContain('VM status: running')
  })

  test('sends its own events to who asks', async () => {
    await using watcher = await LibvirtHost.connect(libvirtd.uri, { events: ['qemuMonitor'] })
    const events = watcher.listen()
    await nextEvent(events, ofType('resync'))
    await host.query('domainSuspend', { dom })
    expect(await nextEvent(events, ofType('qemuMonitor', dom))).toMatchObject({ event: 'STOP' })
    await host.query('domainResume', { dom })
    expect(await nextEvent(events, ofType('qemuMonitor', dom))).toMatchObject({
      event: 'RESUME',
      seconds: expect.any(BigInt),
    })
  })
})

test('memory is looked at, a key pressed, a picture taken', async () => {
  const { buffer } = await host.query('domainMemoryPeek', { dom, offset: 0xffff_fff0n, size: 16, flags: 2 })
  expect(buffer).toHaveLength(16)
  await using seen = await startDomain(host, {
    devices: "<graphics type='vnc' autoport='yes'/><video><model type='vga'/></video>",
  })
  await host.query('domainSendKey', { dom: seen.dom, codeset: 0, holdtime: 1, keycodes: [30], flags: 0 })
  const { ret, stream } = await host.stream('domainScreenshot', { dom: seen.dom, screen: 0 })
  expect(ret.mime).toMatch(/^image\/(png|x-portable-pixmap)$/)
  const picture = Buffer.concat(await stream.toArray())
  expect(picture.toString('latin1')).toMatch(/^(P6|\x89PNG)/)
})
