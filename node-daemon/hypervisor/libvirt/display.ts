import { connect } from 'node:net'
import type { Duplex } from 'node:stream'
import type { LibvirtHost } from 'node-libvirt'
import { z } from 'zod'
import type { Logger } from '../../../apimachinery/log.ts'
import type { Displays } from '../displays.ts'
import { HypervisorError } from '../hypervisor.ts'
import { hasProcess } from '../ownership.ts'
import { attempt } from './errors.ts'
import { DomainReader, domainHandle } from './observe-domain.ts'
import { takeScreenshot } from './screenshot.ts'
import { many, one, parseXml } from './xml/parse.ts'

// Connecting to a socket of this host either works at once or never.
const connectMs = 5_000

const place = z.object({ '@type': z.string(), '@socket': z.string().optional() })
const graphics = z.object({ '@type': z.string(), '@socket': z.string().optional(), listen: many(place) })
const document = z.object({
  domain: one(z.object({ devices: one(z.object({ graphics: many(graphics) })) })),
})

/** The socket of the VNC server that a running domain's XML names; undefined when it has none. */
export function vncSocket(xml: string): string | undefined {
  const { devices } = parseXml('a domain', xml, document).domain
  const server = devices.graphics.find((one) => one['@type'] === 'vnc')
  return server?.listen.find((one) => one['@type'] === 'socket')?.['@socket'] ?? server?.['@socket']
}

/** The screens of QEMU's machines. The VNC servers listen on sockets of this host, so libvirt has to be this host's. */
export function libvirtDisplays({
  libvirt,
  log,
}: {
  readonly libvirt: LibvirtHost
  readonly log: Logger
}): Displays {
  const reader = new DomainReader(libvirt, log)
  const running = async (uuid: string, signal?: AbortSignal) => {
    const domain = await reader.readOurs(uuid, signal)
    if (domain === undefined) throw new HypervisorError('not-found', `no domain ${uuid} on this host`)
    if (!hasProcess(domain)) throw new HypervisorError('conflict', `domain ${domain.name} does not run`)
    const { xml } = await libvirt.query('domainGetXmlDesc', { dom: domainHandle(uuid) }, { signal })
    const socket = vncSocket(xml)
    if (socket === undefined)
      throw new HypervisorError('conflict', `machine ${domain.name} has no screen: its video is none`)
    return socket
  }
  return {
    openDisplay: (uuid, signal) =>
      attempt(`open the screen of domain ${uuid}`, async () => connected(await running(uuid, signal))),
    screenshot: (uuid, signal) =>
      attempt(`take a screenshot of domain ${uuid}`, async () => {
        await running(uuid, signal)
        return takeScreenshot(libvirt, uuid, signal)
      }),
  }
}

function connected(path: string): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path })
    const fail = (cause: Error) => {
      socket.destroy()
      reject(new HypervisorError('failed', `its VNC server cannot be reached: ${cause.message}`, { cause }))
    }
    socket.setTimeout(connectMs, () => fail(new Error('it does not answer')))
    socket.once('error', fail)
    socket.once('connect', () => {
      socket.setTimeout(0)
      socket.off('error', fail)
      resolve(socket)
    })
  })
}
