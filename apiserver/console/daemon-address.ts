import { isIP } from 'node:net'
import { connect } from 'node:tls'
import type { Duplex } from 'node:stream'
import { z } from 'zod'
import type { JsonObject } from '../../crds/meta/json.ts'

/** Where a host's daemon listens. */
export interface DaemonAddress {
  /** Name of the Host: what the daemon's certificate is for. */
  readonly host: string
  readonly address: string
  readonly port: number
}

const run = z.object({
  spec: z.object({ hostName: z.string().optional() }),
  status: z.object({ phase: z.string().optional() }).optional(),
})

/** Where a VirtualMachineInstance runs, and whether it does. */
export function runOf(object: JsonObject): {
  readonly hostName: string | undefined
  readonly phase: string | undefined
} {
  const { spec, status } = run.parse(object)
  return { hostName: spec.hostName, phase: status?.phase }
}

const kept = z.object({ status: z.object({ hostName: z.string().optional() }).optional() })

/** The host that keeps an Image or a Disk; undefined when none does yet. */
export function holderOf(object: JsonObject): string | undefined {
  return kept.parse(object).status?.hostName
}

const endpoint = z.object({
  status: z.object({
    addresses: z.array(z.object({ type: z.string(), address: z.string() })).default([]),
    daemonEndpoint: z.object({ address: z.string().optional(), port: z.number() }),
  }),
})

/** What a Host's status says; undefined when it does not say enough. */
export function daemonAddress(name: string, host: JsonObject): DaemonAddress | undefined {
  const { success, data } = endpoint.safeParse(host)
  if (!success) return undefined
  const { addresses, daemonEndpoint } = data.status
  const address = daemonEndpoint.address ?? addresses.find(({ type }) => type === 'InternalIP')?.address
  return address === undefined ? undefined : { host: name, address, port: daemonEndpoint.port }
}

export interface DaemonTls {
  readonly ca: string
  readonly certificate: string
  readonly key: string
}

/** Connects to a daemon, which must show a certificate for its host's name. `credentials` is asked every time. */
export function dialDaemon(
  credentials: () => DaemonTls,
): (address: DaemonAddress, signal: AbortSignal) => Promise<Duplex> {
  return ({ host, address, port }, signal) =>
    new Promise((resolve, reject) => {
      const tls = credentials()
      const socket = connect({
        host: address,
        port,
        ca: tls.ca,
        cert: tls.certificate,
        key: tls.key,
        ...(isIP(host) === 0 && { servername: host }),
        ALPNProtocols: ['http/1.1'],
      })
      const abort = () => socket.destroy(signal.reason as Error)
      signal.addEventListener('abort', abort, { once: true })
      socket.once('error', reject)
      socket.once('secureConnect', () => {
        signal.removeEventListener('abort', abort)
        socket.off('error', reject)
        resolve(socket)
      })
    })
}
