import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { parse } from 'yaml'
import { startEtcdCluster, type EtcdCluster } from '../../support/etcd.ts'
import { MemberClient, type Credentials } from './client.ts'

const program = join(import.meta.dirname, '..', '..', '..', 'cli', 'kvorum.mjs')

/** An API server in a process of its own, that keeps its port and certificates when it is started again. */
class ApiMember {
  readonly url: string
  readonly #args: readonly string[]
  #process: ChildProcess | undefined
  #log = ''

  constructor(port: number, args: readonly string[]) {
    this.url = `https://127.0.0.1:${port}`
    this.#args = [...args, `--secure-port=${port}`]
  }

  start(): void {
    const child = spawn(process.execPath, [program, 'apiserver', ...this.#args], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    this.#process = child
    child.stderr.on('data', (chunk: Buffer) => (this.#log = (this.#log + chunk.toString()).slice(-20_000)))
  }

  /** Lines of its log about things that went wrong inside. */
  get errors(): string[] {
    return this.#log.split('\n').filter((line) => line.includes('"level":50'))
  }

  get log(): string {
    return this.#log
  }

  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const child = this.#process
    this.#process = undefined
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const gone = new Promise((resolve) => child.once('exit', resolve))
    child.kill(signal)
    await gone
  }
}

/** Several API servers on a cluster of three etcd members, all processes of their own on this machine. */
export class Members {
  readonly etcd: EtcdCluster
  readonly clients: readonly MemberClient[]
  readonly #servers: readonly ApiMember[]
  readonly #directory: string
  #turn = 0

  private constructor(
    parts: Pick<Members, 'etcd' | 'clients'>,
    servers: readonly ApiMember[],
    directory: string,
  ) {
    this.etcd = parts.etcd
    this.clients = parts.clients
    this.#servers = servers
    this.#directory = directory
  }

  static async start(count = 2): Promise<Members> {
    const etcd = await startEtcdCluster(3)
    const directory = await mkdtemp(join(tmpdir(), 'kvorum-members-'))
    const args = [
      `--etcd-servers=${etcd.endpoints.join(',')}`,
      `--cert-dir=${directory}`,
      // History is needed whole in the end.
      '--etcd-compaction-interval=0s',
      '--log-level=warn',
    ]
    const ports = await freePorts(count)
    const servers = ports.map((port) => new ApiMember(port, args))
    const credentials: Credentials[] = []
    for (const server of servers) {
      server.start()
      // The first makes the certificates that all use.
      credentials.push(await credentialsFrom(join(directory, 'admin.kubeconfig'), server))
    }
    const clients = servers.map(({ url }, index) => new MemberClient(url, credentials[index] ?? none))
    await Promise.all(clients.map(untilReady))
    return new Members({ etcd, clients }, servers, directory)
  }

  /** Kills one API server and one etcd member, another pair each time, and brings them back after a while. */
  async strike(): Promise<string> {
    const turn = this.#turn++
    const server = this.#servers[turn % this.#servers.length]
    const member = this.etcd.members[turn % this.etcd.members.length]
    if (!server || !member) throw new Error('there are no members')
    await Promise.all([server.end('SIGKILL'), member.kill()])
    await setTimeout(1000)
    server.start()
    await setTimeout(1000)
    await member.restart()
    return `${server.url} and ${member.endpoints.join()}`
  }

  /** Resolves when every API server answers again. */
  async whole(): Promise<void> {
    await Promise.all(this.clients.map(untilReady))
  }

  logs(): string {
    return this.#servers.map(({ url, log }) => `${url}\n${log}`).join('\n')
  }

  async stop(): Promise<void> {
    for (const client of this.clients) client.close()
    await Promise.all(this.#servers.map((server) => server.end('SIGTERM')))
    await this.etcd.stop()
    await rm(this.#directory, { recursive: true, force: true })
  }
}

const none: Credentials = { ca: Buffer.alloc(0), cert: Buffer.alloc(0), key: Buffer.alloc(0) }
const startMs = 60_000

async function credentialsFrom(path: string, server: ApiMember): Promise<Credentials> {
  const until = performance.now() + startMs
  while (performance.now() < until) {
    const text = await readFile(path, 'utf8').catch(() => '')
    if (text !== '') return credentialsOf(text)
    await setTimeout(20)
  }
  throw new Error(`the API server did not start\n${server.log}`)
}

function credentialsOf(kubeconfig: string): Credentials {
  const { clusters, users } = parse(kubeconfig) as {
    clusters: { cluster: Record<string, string> }[]
    users: { user: Record<string, string> }[]
  }
  const decode = (text: string | undefined) => Buffer.from(text ?? '', 'base64')
  return {
    ca: decode(clusters[0]?.cluster['certificate-authority-data']),
    cert: decode(users[0]?.user['client-certificate-data']),
    key: decode(users[0]?.user['client-key-data']),
  }
}

async function untilReady(client: MemberClient): Promise<void> {
  const until = performance.now() + startMs
  while (performance.now() < until) {
    const ready = await client.send('GET', '/readyz').then(
      ({ code }) => code === 200,
      () => false,
    )
    if (ready) return
    await setTimeout(50)
  }
  throw new Error('an API server did not become ready')
}

async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer()
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      return server
    }),
  )
  const ports = servers.map((server) => (server.address() as AddressInfo).port)
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}
