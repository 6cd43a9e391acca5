import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { EnvHttpProxyAgent } from 'undici'
import type { Client } from '../apimachinery/client/client.ts'
import { eventRecorder } from '../apimachinery/client/event-recorder.ts'
import { httpClient } from '../apimachinery/client/http-client.ts'
import { type Clock, systemClock } from '../apimachinery/clock.ts'
import { jsonLogger, type Logger } from '../apimachinery/log.ts'
import { processRegistry } from '../apimachinery/metrics.ts'
import { version } from '../apimachinery/version.ts'
import type { Stored } from '../crds/meta/object-meta.ts'
import type { StorageDomain } from '../crds/v1alpha1/storage-domain.ts'
import { type ConsoleServerOptions, startConsoleServer } from './console/console-server.ts'
import type { NodeCredentials } from './credentials/node-credentials.ts'
import { openCredentials } from './credentials/open-credentials.ts'
import { servingTls } from './credentials/serving-tls.ts'
import { daemonMetrics } from './daemon-metrics.ts'
import { hostIdentity } from './heartbeat/host-identity.ts'
import { readMachineFacts } from './heartbeat/machine-facts.ts'
import type { Displays } from './hypervisor/displays.ts'
import { noDisplays } from './hypervisor/fake/fake-displays.ts'
import { withMachineState } from './devices/machine-state.ts'
import { fakeHypervisor } from './hypervisor/fake/fake-hypervisor.ts'
import type { Hypervisor } from './hypervisor/hypervisor.ts'
import { libvirtDisplays } from './hypervisor/libvirt/display.ts'
import { libvirtHypervisor } from './hypervisor/libvirt/libvirt-hypervisor.ts'
import { openLibvirt } from './hypervisor/libvirt/open-libvirt.ts'
import { addressPolicy } from './image/address-policy.ts'
import { defaultHttpSourceOptions, type HttpSourceOptions } from './image/http-source.ts'
import { imageSources } from './image/image-source.ts'
import { fileRunRecords } from './machine/run-records.ts'
import { fakeNetworks } from './network/fake/fake-networks.ts'
import { libvirtNetworks } from './network/libvirt/libvirt-networks.ts'
import type { NetworkDriver } from './network/network-driver.ts'
import { type NodeDaemon, runNodeDaemon } from './node-daemon.ts'
import { helpText, type NodeDaemonOptions, parseOptions } from './options.ts'
import { fileNameRecords } from './records/name-records.ts'
import { LocalStorageDriver } from './storage/local/local-storage-driver.ts'
import { transfers } from './transfer/transfers.ts'
import { UploadDesk } from './transfer/upload-desk.ts'

/** Runs the daemon until `signal` is aborted; the machines keep running. Rejects when it cannot go on. */
export async function main(argv: readonly string[], signal: AbortSignal): Promise<void> {
  if (argv.includes('--help')) return void process.stdout.write(helpText())
  const options = parseOptions(argv)
  const log = jsonLogger(options.logLevel, { program: 'node-daemon', host: options.hostName })
  const deps = { clock: systemClock, log }
  const credentials = await openCredentials(options, deps)
  const client = httpClient(credentials.client, { userAgent: 'kvorum-node-daemon' })
  log.info('Starting node daemon', { version, ...options })
  const kept = credentials.keep(signal)
  const running = await startNodeDaemon(options, { ...deps, client, credentials })
  const stop = () => void running.stop()
  signal.addEventListener('abort', stop, { once: true })
  if (signal.aborted) stop()
  try {
    await running.done
  } finally {
    signal.removeEventListener('abort', stop)
    await running.stop()
    await Promise.all([client.close(), signal.aborted && kept])
    log.info('Stopped node daemon')
  }
}

export interface ProgramDeps {
  readonly client: Client
  /** Needed where the options name no serving certificate. */
  readonly credentials?: NodeCredentials
  readonly clock: Clock
  readonly log: Logger
}

/** The daemon with everything around it. `port` is where consoles are served. */
export interface RunningNodeDaemon extends Pick<NodeDaemon, 'ready' | 'done' | 'stop'> {
  readonly port: number
}

/** Builds what the options say, in order, and starts it. Resolves once consoles can be served. */
export async function startNodeDaemon(
  options: NodeDaemonOptions,
  { client, credentials, clock, log }: ProgramDeps,
): Promise<RunningNodeDaemon> {
  const { hostName, dataDir, importDir } = options
  for (const directory of [dataDir, importDir]) await mkdir(directory, { recursive: true })
  const registry = processRegistry()
  const recorder = { reportingController: 'kvorum.dev/node-daemon', instance: hostName }
  const events = eventRecorder({ client, clock, log, ...recorder })
  const { hypervisor, displays, networks, close } = openHost(options, clock, log)
  const informed: { daemon?: NodeDaemon } = {}
  const findRun = (namespace: string, name: string) => informed.daemon?.findRun(namespace, name)
  const uploads = new UploadDesk()
  const served = {
    hypervisor,
    displays,
    findRun,
    transfers: transfers({ objects: () => informed.daemon, desk: uploads, clock, log }),
    registry,
    clock,
    log,
  }
  const consoles = await startConsoleServer(consoleOptions(options, credentials), served).catch(
    failing(close),
  )
  const identity = { hostName, identity: await hostIdentity(dataDir), version }
  const endpoint = { ...listensOn(options), port: consoles.port }
  const daemon = runNodeDaemon(
    { ...identity, endpoint },
    {
      client,
      clock,
      log,
      events,
      metrics: daemonMetrics(registry),
      hypervisor,
      networkDriver: networks,
      storageDriverOf: (domain) =>
        withMachineState(new LocalStorageDriver({ directory: domainDirectory(domain, dataDir) })),
      sourceOf: imageSources({ importDir, http: httpSourceOptions(options), uploads }),
      uploads,
      runRecords: fileRunRecords(join(dataDir, 'runs')),
      networkRecords: fileNameRecords(join(dataDir, 'networks')),
      machineFacts: await readMachineFacts(clock),
    },
  )
  informed.daemon = daemon
  const { ready, done } = daemon
  return {
    ready,
    done,
    port: consoles.port,
    stop: once(
      () => consoles.close(),
      () => daemon.stop(),
      () => events.close(),
      close,
    ),
  }
}

/** Ends what was opened before something failed. */
function failing(close: () => Promise<void>): (error: unknown) => Promise<never> {
  return async (error) => {
    await close()
    throw error
  }
}

/** Runs what ends the parts of the daemon one after the other, however often it is asked to. */
function once(...steps: readonly (() => Promise<void>)[]): () => Promise<void> {
  let stopped: Promise<void> | undefined
  const stop = async () => {
    for (const step of steps) await step()
  }
  return () => (stopped ??= stop())
}

/** How images are fetched over the network, and from where not. */
function httpSourceOptions({ imageAddresses }: NodeDaemonOptions): HttpSourceOptions {
  const addresses = addressPolicy(imageAddresses)
  const dispatcher = new EnvHttpProxyAgent({ connect: { lookup: addresses.lookup } })
  return { ...defaultHttpSourceOptions, dispatcher, addresses }
}

function consoleOptions(options: NodeDaemonOptions, credentials?: NodeCredentials): ConsoleServerOptions {
  return { address: options.bindAddress, port: options.port, tls: servingTls(options, credentials) }
}

/** The address to tell the API server; nothing when every address of the host will do. */
function listensOn({ bindAddress }: NodeDaemonOptions): { readonly address?: string } {
  return bindAddress === '0.0.0.0' || bindAddress === '::' ? {} : { address: bindAddress }
}

function domainDirectory({ metadata, spec }: Stored<StorageDomain>, dataDir: string): string {
  return spec.local?.path ?? join(dataDir, 'storage', metadata.name)
}

interface OpenHost {
  readonly hypervisor: Hypervisor
  readonly displays: Displays
  readonly networks: NetworkDriver
  readonly close: () => Promise<void>
}

function openHost(options: NodeDaemonOptions, clock: Clock, log: Logger): OpenHost {
  if (options.hypervisor === 'fake') {
    const networks = fakeNetworks()
    const addressOf = (macAddress: string) => networks.world.addressOf(macAddress)
    const hypervisor = fakeHypervisor({ clock, startMs: 300, shutdownMs: 1_000, agentMs: 1_000, addressOf })
    return { hypervisor, displays: noDisplays(), networks, close: () => hypervisor.close() }
  }
  const libvirt = openLibvirt(options.libvirtUri)
  const hypervisor = libvirtHypervisor({ libvirt, clock, log })
  return {
    hypervisor,
    displays: libvirtDisplays({ libvirt, log }),
    networks: libvirtNetworks({ libvirt, log }),
    async close() {
      await hypervisor.close()
      await libvirt.close()
    },
  }
}
