import { readFile } from 'node:fs/promises'
import { networkInterfaces, release, uptime } from 'node:os'
import type { Clock } from '../../apimachinery/clock.ts'

/** What the operating system tells about this host. */
export interface MachineFacts {
  readonly operatingSystem: string | undefined
  readonly kernel: string
  readonly addresses: readonly string[]
  /** Wall clock, in milliseconds. */
  readonly bootedAt: number
}

export async function readMachineFacts(clock: Clock): Promise<MachineFacts> {
  const osRelease = await readFile('/etc/os-release', 'utf8').catch(() => '')
  const stat = await readFile('/proc/stat', 'utf8').catch(() => '')
  return {
    operatingSystem: prettyName(osRelease),
    kernel: release(),
    addresses: hostAddresses(networkInterfaces()),
    bootedAt: bootTime(stat) ?? clock.now() - uptime() * 1000,
  }
}

/** `PRETTY_NAME` of os-release(5). */
export function prettyName(osRelease: string): string | undefined {
  const line = /^PRETTY_NAME=(.*)$/m.exec(osRelease)?.[1]?.trim()
  const unquoted = line?.replace(/^(["'])(.*)\1$/, '$2').replace(/\\(.)/g, '$1')
  return unquoted === undefined || unquoted === '' ? undefined : unquoted.slice(0, 256)
}

/** `btime` of /proc/stat, in milliseconds: unlike the uptime it is the same however often it is read. */
export function bootTime(stat: string): number | undefined {
  const seconds = Number(/^btime (\d+)$/m.exec(stat)?.[1])
  return Number.isSafeInteger(seconds) ? seconds * 1000 : undefined
}

// Bridges and taps of machines are not how the host is reached.
const notTheHosts = /^(lo|kv-|virbr|vnet|docker|tap)/

export function hostAddresses(interfaces: ReturnType<typeof networkInterfaces>): string[] {
  const addresses = Object.entries(interfaces)
    .filter(([name]) => !notTheHosts.test(name))
    .flatMap(([, entries]) => entries ?? [])
    .filter(({ internal, address }) => !internal && !/^fe80:|^169\.254\./.test(address))
    .toSorted((a, b) => Number(a.family === 'IPv6') - Number(b.family === 'IPv6'))
    .map(({ address }) => address)
  return [...new Set(addresses)].slice(0, 32)
}
