import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { existsSync, rmSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface EtcdOptions {
  /**
   * `major.minor`, such as `3.5`: runs the binary that the environment variable `ETCD_3_5` names.
   * Default: the `etcd` on the path.
   */
  readonly version?: string
  /** Further command-line arguments. */
  readonly args?: readonly string[]
  /** PEM files to serve clients over TLS, asking them for certificates of `ca`. */
  readonly tls?: { readonly certificate: string; readonly key: string; readonly ca: string } | undefined
}

/** One etcd child process on 127.0.0.1 with its data in a directory of its own. */
export interface EtcdServer {
  /** Client URLs, such as `http://127.0.0.1:40213`; they stay the same across restarts. */
  readonly endpoints: readonly string[]
  /** Ends the process in order and removes its data. */
  stop(): Promise<void>
  /** Ends it the hard way (SIGKILL); the data stays for `restart`. */
  kill(): Promise<void>
  /** Brings it back on the same port and data, stopping it first if it still runs. */
  restart(): Promise<void>
  /** Freezes the process: connections stay open and nothing answers. */
  pause(): void
  resume(): void
}

export interface EtcdCluster extends Pick<EtcdServer, 'endpoints' | 'stop'> {
  readonly members: readonly EtcdServer[]
}

/** Resolves once etcd serves requests; rejects with its log when it ends before that or takes over 20 s. */
export async function startEtcd(options: EtcdOptions = {}): Promise<EtcdServer> {
  const [clientPort, peerPort] = await freePorts(2)
  return startMember({ name: 'etcd', clientPort, peerPort, peers: `etcd=${local(peerPort)}` }, options)
}

/** Several members of one cluster, all started. */
export async function startEtcdCluster(size: number, options: EtcdOptions = {}): Promise<EtcdCluster> {
  const ports = await freePorts(size * 2)
  const places = Array.from({ length: size }, (_, index) => ({
    name: `etcd-${index}`,
    clientPort: ports[index * 2],
    peerPort: ports[index * 2 + 1],
  }))
  const peers = places.map((place) => `${place.name}=${local(place.peerPort)}`).join(',')
  const members = await Promise.all(places.map((place) => startMember({ ...place, peers }, options)))
  return {
    members,
    endpoints: members.flatMap((member) => member.endpoints),
    async stop() {
      await Promise.all(members.map((member) => member.stop()))
    },
  }
}

interface Place {
  readonly name: string
  readonly clientPort: number | undefined
  readonly peerPort: number | undefined
  /** Every member as `name=url`, joined with commas. */
  readonly peers: string
}

async function startMember(place: Place, options: EtcdOptions): Promise<EtcdServer> {
  const directory = await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'etcd-'))
  const removeDirectory = () => rmSync(directory, { recursive: true, force: true })
  process.once('exit', removeDirectory)
  const binary = findBinary(options.version)
  const start = () => run(binary, [...memberArguments(place, directory, options), ...(options.args ?? [])])
  let child: ChildProcess
  try {
    child = await start()
  } catch (error) {
    removeDirectory()
    throw error
  }
  return {
    endpoints: [clientUrl(place, options)],
    async stop() {
      await end(child, 'SIGTERM')
      process.removeListener('exit', removeDirectory)
      removeDirectory()
    },
    kill: () => end(child, 'SIGKILL'),
    async restart() {
      await end(child, 'SIGTERM')
      child = await start()
    },
    pause: () => void child.kill('SIGSTOP'),
    resume: () => void child.kill('SIGCONT'),
  }
}

function findBinary(version: string | undefined): string {
  if (version === undefined) return 'etcd'
  const variable = `ETCD_${version.replace('.', '_')}`
  const binary = process.env[variable]
  if (binary === undefined) throw new Error(`set ${variable} to the path of an etcd ${version} binary`)
  return binary
}

function memberArguments(place: Place, directory: string, { tls }: EtcdOptions): string[] {
  const client = clientUrl(place, { tls })
  const tlsArguments = tls && [
    `--cert-file=${tls.certificate}`,
    `--key-file=${tls.key}`,
    `--trusted-ca-file=${tls.ca}`,
    '--client-cert-auth',
  ]
  return [
    `--name=${place.name}`,
    `--data-dir=${directory}`,
    `--listen-client-urls=${client}`,
    `--advertise-client-urls=${client}`,
    `--listen-peer-urls=${local(place.peerPort)}`,
    `--initial-advertise-peer-urls=${local(place.peerPort)}`,
    `--initial-cluster=${place.peers}`,
    '--logger=zap',
    '--log-level=info',
    ...(tlsArguments ?? []),
  ]
}

function clientUrl(place: Place, { tls }: Pick<EtcdOptions, 'tls'>): string {
  return tls ? local(place.clientPort).replace('http:', 'https:') : local(place.clientPort)
}

function local(port: number | undefined): string {
  return `http://127.0.0.1:${port}`
}

function run(binary: string, args: readonly string[]): Promise<ChildProcess> {
  const child = spawn(binary, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  const killWithUs = () => void child.kill('SIGKILL')
  process.once('exit', killWithUs)
  child.once('exit', () => process.removeListener('exit', killWithUs))
  return new Promise((resolve, reject) => {
    let log = ''
    let settled = false
    const settle = (error?: Error) => {
      if (settled) return
      settled = true
      clearTimeout(timer)
      log = ''
      if (error) {
        child.kill('SIGKILL')
        reject(error)
      } else resolve(child)
    }
    const timer = setTimeout(() => settle(new Error(`etcd was not ready after 20 s\n${log}`)), 20_000)
    child.once('error', settle)
    child.once('exit', (code) => settle(new Error(`etcd ended with code ${code}\n${log}`)))
    child.stderr?.on('data', (chunk: Buffer) => {
      // Keeps reading for as long as it runs, or etcd would block on a full pipe.
      if (settled) return
      log += chunk.toString()
      // The first is etcd 3.5's wording, the second 3.4's.
      if (/ready to serve client requests|serving client traffic/.test(log)) settle()
    })
  })
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = new Promise((resolve) => child.once('exit', resolve))
  // A paused process gets no signal but SIGKILL until it continues.
  child.kill('SIGCONT')
  child.kill(signal)
  // Members of a cluster without quorum can take long to give up.
  const timer = setTimeout(() => child.kill('SIGKILL'), 5_000)
  await gone
  clearTimeout(timer)
}

async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(Array.from({ length: count }, listenAnywhere))
  return Promise.all(
    servers.map(
      (server) =>
        new Promise<number>((resolve) => {
          const { port } = server.address() as AddressInfo
          server.close(() => resolve(port))
        }),
    ),
  )
}

function listenAnywhere(): Promise<ReturnType<typeof createServer>> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => resolve(server))
  })
}
