import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import type { Client } from '../../../apimachinery/client/client.ts'
import { configFromText } from '../../../apimachinery/client/config.ts'
import { httpClient } from '../../../apimachinery/client/http-client.ts'
import {
  disks,
  hosts,
  images,
  networks,
  storageDomains,
  virtualMachineInstances,
} from '../../../apimachinery/client/resources.ts'
import { systemClock } from '../../../apimachinery/clock.ts'
import { getCondition } from '../../../apimachinery/conditions.ts'
import { silentLogger } from '../../../apimachinery/log.ts'
import type { KubeObject, Stored } from '../../../crds/meta/object-meta.ts'
import type { Disk } from '../../../crds/v1alpha1/disk.ts'
import type { Host } from '../../../crds/v1alpha1/host.ts'
import type { Image } from '../../../crds/v1alpha1/image.ts'
import type { VirtualMachineInstance } from '../../../crds/v1alpha1/virtual-machine-instance.ts'
import { CertificateDirectory } from '../../../apiserver/certificates/certificate-directory.ts'
import { type RunningNodeDaemon, startNodeDaemon } from '../../../node-daemon/main.ts'
import { parseOptions } from '../../../node-daemon/options.ts'
import { startTestApiServer, type TestApiServer } from '../../support/apiserver.ts'
import { writeBootSectorDisk } from '../../support/boot-sector-guest.ts'
import { aDisk, anImage, aStorageDomain, aVirtualMachineInstance, uidOf } from '../../support/builders.ts'
import { until } from '../../support/kvorum-system-until.ts'
import { type LibvirtTestHost, missingForLibvirtHost, startLibvirtHost } from '../../support/libvirt-host.ts'

const missing = missingForLibvirtHost()

// A whole daemon on a libvirtd of its own, with real files and a guest of one sector; no controllers.
describe.skipIf(missing !== undefined)(
  `a node daemon on libvirt (needs ${missing ?? 'nothing more'})`,
  () => {
    let api: TestApiServer
    let libvirt: LibvirtTestHost
    let client: Client
    let daemon: RunningNodeDaemon
    let admin: { ca: string; cert: string; key: string }
    let storage: string

    const hostName = 'host-1'

    async function startDaemon(): Promise<RunningNodeDaemon> {
      const pki = join(api.directory, 'daemon')
      const options = parseOptions(
        [
          `--host-name=${hostName}`,
          `--data-dir=${join(libvirt.directory, 'data')}`,
          `--libvirt-uri=${libvirt.uri}`,
          '--bind-address=127.0.0.1',
          '--port=0',
          `--tls-cert-file=${join(pki, 'daemon.crt')}`,
          `--tls-private-key-file=${join(pki, 'daemon.key')}`,
          `--client-ca-file=${join(pki, 'ca.crt')}`,
        ],
        {},
      )
      const started = await startNodeDaemon(options, { client, clock: systemClock, log: silentLogger })
      await started.ready
      return started
    }

    beforeAll(async () => {
      api = await startTestApiServer({ installCrds: 'crds' })
      libvirt = await startLibvirtHost()
      client = httpClient(configFromText(api.adminKubeconfig))
      const pki = new CertificateDirectory(join(api.directory, 'daemon'), systemClock)
      await pki.certificate('daemon', { commonName: hostName, usage: 'server', hosts: ['127.0.0.1'] })
      const made = await pki.certificate('admin', {
        commonName: 'anna',
        organizations: ['system:masters'],
        usage: 'client',
      })
      admin = { ca: (await pki.authority()).certificate, cert: made.certificate, key: made.key }
      storage = join(libvirt.directory, 'data', 'storage', 'default')
      await mkdir(join(libvirt.directory, 'data', 'import'), { recursive: true })
      await writeBootSectorDisk(join(libvirt.directory, 'data', 'import', 'tiny.img'))
      daemon = await startDaemon()
      await client.create(storageDomains, fresh(aStorageDomain()))
      await client.create(networks, {
        apiVersion: 'kvorum.dev/v1alpha1',
        kind: 'Network',
        metadata: { name: 'default' },
        spec: { type: 'nat', subnets: [{ cidr: '10.80.0.0/24' }] },
      })
      await importImage('tiny', 'tiny.img')
    }, 120_000)

    afterAll(async () => {
      await daemon?.stop()
      await client?.close()
      await libvirt?.stop()
      await api?.close()
    }, 60_000)

    /** As a user or controller creates it: without what the server gives. */
    function fresh<T extends KubeObject>(object: Stored<T>): T {
      const { name, namespace } = object.metadata
      return { ...object, metadata: { name, ...(namespace !== undefined && { namespace }) } }
    }

    /** An Image that was handed to this host, as the image controller does. */
    async function importImage(name: string, path: string): Promise<void> {
      const image = anImage({ metadata: { name }, spec: { source: { http: undefined, file: { path } } } })
      const created = await client.create<Image>(images, fresh(image))
      const status = { hostName, phase: 'Pending' as const }
      await client.update<Image>(images, { ...created, status }, { subresource: 'status' })
    }

    const get = {
      run: (name: string) =>
        client.get<VirtualMachineInstance>(virtualMachineInstances, { namespace: 'default', name }),
      disk: (name: string) => client.get<Disk>(disks, { namespace: 'default', name }),
      image: (name: string) => client.get<Image>(images, { namespace: 'default', name }),
      host: () => client.get<Host>(hosts, { name: hostName }),
    }

    async function place(name: string, overrides: { grace?: number } = {}): Promise<string> {
      await client.create<Disk>(
        disks,
        fresh(aDisk({ metadata: { name }, spec: { size: undefined, source: { image: { name: 'tiny' } } } })),
      )
      const uuid = uidOf('guest', name)
      await client.create<VirtualMachineInstance>(
        virtualMachineInstances,
        fresh(
          aVirtualMachineInstance({
            metadata: { name },
            spec: {
              hostName,
              uuid,
              memory: { size: '32Mi' },
              terminationGracePeriodSeconds: overrides.grace ?? 20,
              virtualMachine: { name, uid: uidOf('vm', name) },
              disks: [{ name: 'root', disk: { name }, bus: 'virtio', bootOrder: 1 }],
              interfaces: [
                {
                  name: 'eth0',
                  network: { name: 'default' },
                  model: 'virtio',
                  macAddress: `52:54:00:00:00:${uuid.slice(0, 2)}`,
                  ipAddress: '10.80.0.10',
                },
              ],
            },
          }),
        ),
      )
      return uuid
    }

    const inPhase = (name: string, phase: string) =>
      until(async () => {
        const run = await get.run(name)
        return run.status?.phase === phase ? run : undefined
      }, `${name} to be ${phase}`)

    const gone = (read: () => Promise<unknown>, what: string) =>
      until(
        () =>
          read().then(
            () => false,
            () => true,
          ),
        `${what} to be gone`,
      )

    async function removeRun(name: string): Promise<void> {
      await client.delete(virtualMachineInstances, { namespace: 'default', name })
      await gone(() => get.run(name), `run ${name}`)
      await client.delete(disks, { namespace: 'default', name })
      await gone(() => get.disk(name), `disk ${name}`)
    }

    const domains = async () =>
      (await libvirt.exec(['virsh', 'list', '--all', '--name'])).stdout.trim().split('\n').filter(Boolean)

    test('the host says what it is', async () => {
      const host = await until(async () => {
        const current = await get.host()
        return getCondition(current, 'Ready')?.status === 'True' ? current : undefined
      }, 'the host to be ready')
      expect(host.status).toMatchObject({
        cpu: { architecture: 'x86_64' },
        hypervisor: { accelerator: 'TCG', libvirtVersion: expect.stringMatching(/^\d/) },
        daemonEndpoint: { address: '127.0.0.1', port: daemon.port },
      })
    })

    test('an image, a disk on it, a machine that runs; and nothing is left when all are deleted', async () => {
      await place('one')
      const run = await inPhase('one', 'Running')
      expect(await domains()).toEqual(['default_one'])
      const image = await get.image('tiny')
      expect(image.status).toMatchObject({ phase: 'Ready', format: 'raw', virtualSizeBytes: 1024 ** 2 })
      expect((await get.disk('one')).status?.path).toBe(
        join(storage, 'disks', `${(await get.disk('one')).metadata.uid}.qcow2`),
      )
      expect(run.metadata.finalizers).toEqual(['kvorum.dev/domain'])
      await removeRun('one')
      expect(await domains()).toEqual([])
      expect(await readdir(join(storage, 'disks'))).toEqual([])
    })

    test.each([
      {
        what: 'virsh destroy',
        reason: 'Destroyed',
        act: () => libvirt.exec(['virsh', 'destroy', 'default_two']),
      },
      {
        what: 'kill -9 of QEMU',
        reason: 'Crashed',
        act: async () => libvirt.exec(['kill', '-9', String(await libvirt.qemuPid('default_two'))]),
      },
    ])('after $what the run has Failed with $reason', async ({ act, reason }) => {
      await place('two')
      await inPhase('two', 'Running')
      await act()
      const run = await inPhase('two', 'Failed')
      expect(run.status?.reason).toBe(reason)
      await until(async () => (await domains()).length === 0, 'the domain to be gone')
      await removeRun('two')
    })

    test('the console carries both ways, and the guest may end its run from there', async () => {
      await place('three')
      await inPhase('three', 'Running')
      const path = '/v1alpha1/namespaces/default/virtualmachineinstances/three/console'
      const socket = new WebSocket(`wss://127.0.0.1:${daemon.port}${path}`, { ...admin })
      let output = ''
      socket.on('message', (data: Buffer) => (output += data.toString()))
      await new Promise((resolve, reject) => {
        socket.once('open', resolve)
        socket.once('error', reject)
      })
      await until(async () => {
        socket.send(Buffer.from('x'))
        return output.includes('x')
      }, 'the guest to echo')
      const closed = new Promise((resolve) => socket.once('close', resolve))
      socket.send(Buffer.from('.'))
      await closed
      const run = await inPhase('three', 'Succeeded')
      expect(run.status?.reason).toBe('GuestShutdown')
      await removeRun('three')
    })

    test('the machine goes on while the daemon is away, and is adopted', async () => {
      await place('four')
      await inPhase('four', 'Running')
      const pid = await libvirt.qemuPid('default_four')
      await daemon.stop()
      const before = (await get.run('four')).metadata.resourceVersion
      daemon = await startDaemon()
      await until(
        async () => getCondition(await get.host(), 'Ready')?.status === 'True',
        'the host to be ready',
      )
      expect(await libvirt.qemuPid('default_four')).toBe(pid)
      expect((await get.run('four')).metadata.resourceVersion).toBe(before)
      await removeRun('four')
    })

    test('libvirtd dies: the host is not ready within seconds, the machine goes on, and all is well after', async () => {
      await place('five')
      await inPhase('five', 'Running')
      const pid = await libvirt.qemuPid('default_five')
      await libvirt.killLibvirtd()
      await until(
        async () => getCondition(await get.host(), 'Ready')?.reason === 'LibvirtUnavailable',
        'the host to say that libvirt is away',
      )
      await libvirt.startLibvirtd()
      await until(
        async () => getCondition(await get.host(), 'Ready')?.status === 'True',
        'the host to be ready',
      )
      expect((await get.run('five')).status?.phase).toBe('Running')
      expect(await libvirt.qemuPid('default_five')).toBe(pid)
      await removeRun('five')
    })

    test('a disk grows under its machine', async () => {
      await place('six')
      await inPhase('six', 'Running')
      const disk = await get.disk('six')
      await client.update<Disk>(disks, { ...disk, spec: { ...disk.spec, size: '8Mi' } })
      await until(
        async () => (await get.disk('six')).status?.capacityBytes === 8 * 1024 ** 2,
        'the disk to have grown',
      )
      const info = await libvirt.exec(['virsh', 'domblkinfo', 'default_six', disk.status?.path ?? ''])
      expect(info.stdout).toMatch(/Capacity: +8388608/)
      await removeRun('six')
    })

    test('twenty machines at once all run', { timeout: 120_000 }, async () => {
      const names = Array.from({ length: 20 }, (_, index) => `many-${index}`)
      await Promise.all(names.map((name) => place(name, { grace: 0 })))
      for (const name of names) await inPhase(name, 'Running')
      expect(await domains()).toHaveLength(20)
      await Promise.all(names.map((name) => removeRun(name)))
      expect(await domains()).toEqual([])
      expect(await readdir(join(storage, 'disks'))).toEqual([])
    })

    test('the image goes when it is deleted', async () => {
      await client.delete(images, { namespace: 'default', name: 'tiny' })
      await gone(() => get.image('tiny'), 'the image')
      expect(await readdir(join(storage, 'images'))).toEqual([])
    })
  },
)
