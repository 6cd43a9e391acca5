import { fork, type ChildProcess } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { parse } from 'yaml'
import { nodeFlags as programFlags } from '../../../cli/programs/run-program.mjs'
import { LoadClient, type ClientCredentials } from './client.ts'

const ticksPerSecond = 100
const probe = join(import.meta.dirname, 'probe.mjs')
const program = join(import.meta.dirname, '..', '..', '..', 'cli', 'kvorum.mjs')
const crds = join(import.meta.dirname, '..', '..', '..', 'crds')

/** What the probe in the server tells: maxima since it was last asked. */
interface ProbeSample {
  /** Longest time between two turns of the event loop, waiting for the processor included. */
  readonly stallMs: number
  /** Longest time of the processor that the main thread used between two turns: what the code itself is to blame for. */
  readonly holdMs: number
  /** Longest pause for garbage collection. */
  readonly gcMs: number
  readonly heapUsed: number
  readonly external: number
}

/** What the server has used so far. */
export interface Usage extends ProbeSample {
  /** User and system time of all its threads. */
  readonly cpuMs: number
  readonly rssBytes: number
  /** The most it ever had. */
  readonly peakBytes: number
}

/** The API server in a process of its own, as `kvorum up` would start it. */
export class ServerProcess {
  readonly url: string
  readonly credentials: ClientCredentials
  readonly readyMs: number
  readonly #child: ChildProcess
  readonly #directory: string

  private constructor(
    child: ChildProcess,
    directory: string,
    { url, credentials, readyMs }: Pick<ServerProcess, 'url' | 'credentials' | 'readyMs'>,
  ) {
    this.#child = child
    this.#directory = directory
    this.url = url
    this.credentials = credentials
    this.readyMs = readyMs
  }

  /** Resolves when it is ready. Started in the same `directory` again, it finds its certificates there. */
  static async start(
    endpoints: readonly string[],
    { nodeFlags = [], directory }: { nodeFlags?: readonly string[]; directory?: string } = {},
  ): Promise<ServerProcess> {
    const home = directory ?? (await mkdtemp(join(tmpdir(), 'kvorum-bench-')))
    const started = performance.now()
    const child = fork(
      program,
      [
        'apiserver',
        `--etcd-servers=${endpoints.join(',')}`,
        '--secure-port=0',
        `--cert-dir=${home}`,
        `--install-crds=${crds}`,
        // The generator is on this machine, and asks for gzip where that is meant.
        '--compression=always',
      ],
      {
        execArgv: [...programFlags, ...nodeFlags, '--import', probe],
        stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
      },
    )
    const url = await urlFrom(child)
    const credentials = await readCredentials(join(home, 'admin.kubeconfig'))
    await untilReady(url, credentials)
    return new ServerProcess(child, home, { url, credentials, readyMs: performance.now() - started })
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  get directory(): string {
    return this.#directory
  }

  /** Resets the maxima that it reports. */
  async usage(): Promise<Usage> {
    const { pid } = this.#child
    const answer = new Promise<ProbeSample>((resolve) => this.#child.once('message', resolve))
    this.#child.send('sample')
    const sample = await answer
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
    // The program's name, in parentheses, may hold spaces.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const ticks = Number(fields[11]) + Number(fields[12])
    const status = await readFile(`/proc/${pid}/status`, 'utf8')
    return {
      ...sample,
      cpuMs: (ticks * 1000) / ticksPerSecond,
      rssBytes: kilobytes(status, 'VmRSS'),
      peakBytes: kilobytes(status, 'VmHWM'),
    }
  }

  /** Ends it in order. `keep` leaves its certificates for the next start. */
  async stop(keep = false): Promise<void> {
    const gone = new Promise((resolve) => this.#child.once('exit', resolve))
    this.#child.kill('SIGTERM')
    await gone
    if (!keep) await rm(this.#directory, { recursive: true, force: true })
  }
}

interface Kubeconfig {
  readonly clusters: readonly { readonly cluster: Readonly<Record<string, string>> }[]
  readonly users: readonly { readonly user: Readonly<Record<string, string>> }[]
}

async function readCredentials(path: string): Promise<ClientCredentials> {
  for (;;) {
    const text = await readFile(path, 'utf8').catch(() => undefined)
    if (text !== undefined) return credentialsOf(parse(text) as Kubeconfig)
    // It is written right after the server says where it listens.
    await setTimeout(5)
  }
}

async function untilReady(url: string, credentials: ClientCredentials): Promise<void> {
  const client = new LoadClient(url, credentials, 1)
  while ((await client.send({ method: 'GET', path: '/readyz' })).status !== 200) await setTimeout(5)
  client.close()
}

function credentialsOf({ clusters, users }: Kubeconfig): ClientCredentials {
  const decode = (value: string | undefined) => Buffer.from(value ?? '', 'base64')
  return {
    ca: decode(clusters[0]?.cluster['certificate-authority-data']),
    cert: decode(users[0]?.user['client-certificate-data']),
    key: decode(users[0]?.user['client-key-data']),
  }
}

function urlFrom(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    child.stderr?.on('data', (chunk: Buffer) => {
      text = (text + chunk.toString()).slice(-100_000)
      const [, url] = /"url":"(https:[^"]+)"/.exec(text) ?? []
      if (url !== undefined) resolve(url)
      if (/"level":[56]0|Error/.test(chunk.toString())) process.stderr.write(chunk)
    })
    child.once('exit', (code) => reject(new Error(`the API server ended with ${code}\n${text}`)))
  })
}

function kilobytes(status: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0) * 1024
}
