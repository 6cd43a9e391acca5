import { randomUUID } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { systemClock } from '../../apimachinery/clock.ts'
import { silentLogger } from '../../apimachinery/log.ts'
import { fakeHypervisor } from '../../node-daemon/hypervisor/fake/fake-hypervisor.ts'
import type { DomainSpec } from '../../node-daemon/hypervisor/domain-spec.ts'
import { libvirtHypervisor } from '../../node-daemon/hypervisor/libvirt/libvirt-hypervisor.ts'
import { openLibvirt } from '../../node-daemon/hypervisor/libvirt/open-libvirt.ts'
import { writeBootSectorDisk } from '../support/boot-sector-guest.ts'
import { missingForLibvirtHost, startLibvirtHost } from '../support/libvirt-host.ts'
import type { HypervisorUnderTest } from './hypervisor-under-test.ts'
import { hypervisorConformance } from './hypervisor-conformance.ts'
import { hypervisorPowerConformance } from './hypervisor-power-conformance.ts'

hypervisorConformance('fake', onFake)
hypervisorPowerConformance('fake', onFake)

async function onFake(): Promise<HypervisorUnderTest> {
  const hypervisor = fakeHypervisor({ clock: systemClock })
  const { world } = hypervisor
  return {
    hypervisor,
    bridge: 'br0',
    newDisk: async () => `/disks/${randomUUID()}.raw`,
    guestIsUp: async () => {},
    guestPowerOff: async (spec) => world.guestPowerOff(spec.uuid),
    guestCrash: async (spec) => world.guestPanic(spec.uuid),
    killProcess: async (spec) => world.killProcess(spec.uuid),
    destroyByHand: async (spec) => world.destroyByHand(spec.uuid),
    addForeignDomain: async (uuid, name) => world.addForeignDomain({ uuid, name, state: 'shut-off' }),
    disconnect: async () => world.disconnect(),
    reconnect: async () => world.reconnect(),
    leftovers: async (spec) => (world.specOf(spec.uuid) === undefined ? [] : [spec.name]),
    dispose: () => hypervisor.close(),
  }
}

hypervisorConformance('libvirt', onLibvirt, missingForLibvirtHost())
hypervisorPowerConformance('libvirt', onLibvirt, missingForLibvirtHost())

async function onLibvirt(): Promise<HypervisorUnderTest> {
  const host = await startLibvirtHost()
  await host.exec(['ip', 'link', 'add', 'br0', 'type', 'bridge'])
  await host.exec(['ip', 'link', 'set', 'br0', 'up'])
  const libvirt = openLibvirt(host.uri)
  const hypervisor = libvirtHypervisor({ libvirt, clock: systemClock, log: silentLogger })
  const type = async (spec: DomainSpec, text: string) => {
    const console = await hypervisor.openConsole(spec.uuid)
    console.on('error', () => {})
    console.resume()
    console.write(text)
  }
  const inHost = async (...argv: string[]) => {
    const { code, stderr, stdout } = await host.exec(argv)
    if (code !== 0) throw new Error(`${argv.join(' ')}: ${stderr}`)
    return stdout
  }
  return {
    hypervisor,
    bridge: 'br0',
    async newDisk() {
      const path = join(host.directory, `${randomUUID()}.raw`)
      await writeBootSectorDisk(path)
      return path
    },
    async guestIsUp(spec) {
      if (spec.firmware.type === 'uefi') return
      const console = await hypervisor.openConsole(spec.uuid)
      // The greeting may be over by now; the echo comes at any time, but only once the guest listens.
      await new Promise<void>((resolve, reject) => {
        console.once('data', () => resolve())
        console.once('error', reject)
        console.write('?')
      })
      console.destroy()
    },
    guestPowerOff: (spec) => type(spec, '.'),
    guestCrash: (spec) => type(spec, '!'),
    async killProcess(spec) {
      await inHost('kill', '-9', String(await host.qemuPid(spec.name)))
    },
    async destroyByHand(spec) {
      await inHost('virsh', 'destroy', spec.uuid)
    },
    async addForeignDomain(uuid, name) {
      const xml = `<domain type='qemu'><name>${name}</name><uuid>${uuid}</uuid><memory>65536</memory><os><type>hvm</type></os></domain>`
      const path = join(host.directory, `${uuid}.xml`)
      await writeFile(path, xml)
      await inHost('virsh', 'define', path)
    },
    disconnect: () => host.killLibvirtd(),
    reconnect: () => host.startLibvirtd(),
    async leftovers(spec) {
      const places = ['/etc/libvirt/qemu', '/var/lib/libvirt/qemu', '/run/libvirt/qemu']
      const files = await inHost('find', ...places, '-name', `*${spec.name}*`)
      return files.split('\n').filter((line) => line !== '')
    },
    async dispose() {
      await hypervisor.close()
      await libvirt.close()
      await host.stop()
    },
  }
}
