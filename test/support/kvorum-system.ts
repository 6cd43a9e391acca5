import { spawn, type ChildProcess } from 'node:child_process'
import { copyFile, mkdir, readdir, readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { stringify } from 'yaml'
import { buildGuestImage } from '../../scripts/guest-image/build.ts'
import { writeBootSectorDisk } from './boot-sector-guest.ts'
import type { KubeObject } from './kvorum-system-objects.ts'
import { isProgram, processesOf, type ProgramName, qemuProcesses } from './kvorum-system-processes.ts'
import { bootId, runInGuest, startInGuest } from './kvorum-system-guest.ts'
import { until } from './kvorum-system-until.ts'
import { watchUntil } from './kvorum-system-watch.ts'
import { type ExecResult, type LibvirtTestHost, startLibvirtHost } from './libvirt-host.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const kvorumScript = join(root, 'cli', 'kvorum.mjs')
const upMs = 60_000
/** Long enough for a loaded machine without KVM; whoever reads a time that ran out looks at the diagnosis. */
const commandSeconds = '150'

/** A whole Kvorum on a host of its own: etcd, API server, controllers and daemon of `kvorum up`, and a libvirtd. */
export interface KvorumSystem {
  readonly host: LibvirtTestHost
  /** `--data-dir` of `kvorum up`, the same inside and outside. */
  readonly dataDir: string
  /** Path of the kubeconfig with full rights, the same inside and outside. */
  readonly kubeconfig: string
  /** What kubectl needs to be told to talk to this system from inside its host. */
  readonly kubeconfigFlags: readonly string[]
  /** Standard output of kubectl with full rights; rejects with its standard error when it fails. */
  kubectl(...args: readonly string[]): Promise<string>
  /** The same, resolving whatever the exit code is. */
  tryKubectl(args: readonly string[], input?: string): Promise<ExecResult>
  /** `kubectl apply -f -` of objects. */
  apply(...objects: readonly object[]): Promise<string>
  /** `kubectl get -o json` of one object, such as `vm/hello`. */
  get(target: string): Promise<KubeObject>
  /** `kubectl wait`, tried again while the API server is away. */
  wait(goal: string, ...targets: readonly string[]): Promise<void>
  /** Follows one object by watch until `holds`, through outages of the API server; resolves to it. */
  waitFor(target: string, holds: (object: KubeObject) => boolean): Promise<KubeObject>
  /** Standard output of the `kvorum` command; rejects when it fails. */
  kvorum(...args: readonly string[]): Promise<string>
  virsh(...args: readonly string[]): Promise<string>
  /** Process id inside the host of a program of `kvorum up`, once it runs. */
  pidOf(program: ProgramName): Promise<number>
  /** Sends a signal to a program and resolves once that process is gone. */
  kill(program: ProgramName, signal: NodeJS.Signals): Promise<void>
  /** Starts `kvorum up` and resolves once it says `Ready`; needed only after it ended. */
  up(): Promise<void>
  /** What a machine's QEMU processes are; one, if all is well and it runs. */
  qemuPids(machine: string): Promise<readonly number[]>
  /** Runs a program inside the guest of a machine through its agent. */
  inGuest(machine: string, ...argv: readonly [string, ...string[]]): Promise<string>
  /** The same without waiting for it to end. */
  startInGuest(machine: string, ...argv: readonly [string, ...string[]]): Promise<void>
  /** Different after every boot of the guest. */
  bootIdOf(machine: string): Promise<string>
  /** Every file of the daemon's data directory, by its path in there: disks, images and what it remembers. */
  files(): Promise<readonly string[]>
  /** For a test that failed: the ends of all logs, the objects, the domains. */
  diagnosis(): Promise<string>
  stop(): Promise<void>
}

export interface KvorumSystemOptions {
  /** Offers the quickstart guest for import beside the tiny one. Default true. */
  readonly guestImage?: boolean
}

export async function startKvorum({ guestImage = true }: KvorumSystemOptions = {}): Promise<KvorumSystem> {
  const host = await startLibvirtHost()
  try {
    const system = new NamespacedKvorum(host)
    const importDirectory = join(system.dataDir, 'import')
    await mkdir(importDirectory, { recursive: true })
    await writeBootSectorDisk(join(importDirectory, 'tiny.raw'))
    if (guestImage) {
      const image = await buildGuestImage(join(root, '.cache', 'guest'), () => {})
      await copyFile(image, join(importDirectory, 'quickstart.qcow2'))
    }
    await system.up()
    return system
  } catch (error) {
    await host.stop()
    throw error
  }
}

class NamespacedKvorum implements KvorumSystem {
  readonly host: LibvirtTestHost
  readonly dataDir: string
  readonly kubeconfig: string
  readonly kubeconfigFlags: readonly string[]
  #up: ChildProcess | undefined
  #upOutput = ''

  constructor(host: LibvirtTestHost) {
    this.host = host
    this.dataDir = join(host.directory, 'kvorum')
    this.kubeconfig = join(this.dataDir, 'admin.kubeconfig')
    // Every test host has its server on the same port: their caches must not mix.
    const cache = join(host.directory, 'kubectl-cache')
    this.kubeconfigFlags = [`--kubeconfig=${this.kubeconfig}`, `--cache-dir=${cache}`]
  }

  async up(): Promise<void> {
    const [file, ...args] = this.host.command([
      process.execPath,
      kvorumScript,
      'up',
      '--data-dir',
      this.dataDir,
    ])
    const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    this.#up = child
    await new Promise<void>((resolve, reject) => {
      let output = ''
      const fail = (why: string) => {
        void this.diagnosis().then(
          (text) => reject(new Error(`kvorum up ${why}\n${output}\n${text}`)),
          reject,
        )
      }
      const timer = setTimeout(() => fail(`was not ready within ${upMs} ms`), upMs)
      const read = (text: string) => {
        output += text
        this.#upOutput += text
        if (!/^Ready/m.test(output)) return
        clearTimeout(timer)
        resolve()
      }
      child.stdout.setEncoding('utf8').on('data', read)
      child.stderr.setEncoding('utf8').on('data', read)
      child.once('exit', (code) => {
        clearTimeout(timer)
        fail(`ended with ${String(code)}`)
      })
    })
  }

  tryKubectl(args: readonly string[], input?: string): Promise<ExecResult> {
    return this.host.exec(['timeout', commandSeconds, 'kubectl', ...this.kubeconfigFlags, ...args], input)
  }

  async kubectl(...args: readonly string[]): Promise<string> {
    return outputOf(`kubectl ${args.join(' ')}`, await this.tryKubectl(args))
  }

  async apply(...objects: readonly object[]): Promise<string> {
    const documents = objects.map((object) => stringify(object)).join('---\n')
    return outputOf('kubectl apply', await this.tryKubectl(['apply', '-f', '-'], documents))
  }

  async get(target: string): Promise<KubeObject> {
    return JSON.parse(await this.kubectl('get', target, '-o', 'json')) as KubeObject
  }

  async wait(goal: string, ...targets: readonly string[]): Promise<void> {
    const args = ['wait', `--for=${goal}`, `--timeout=${commandSeconds}s`, ...targets]
    await until(
      async () => {
        const { code, stderr } = await this.tryKubectl(args)
        // Older kubectls call it an error when what shall go is gone already.
        if (goal === 'delete' && /no matching resources found/.test(stderr)) return true
        if (code !== 0 && /timed out/.test(stderr)) throw new Error(`kubectl ${args.join(' ')}: ${stderr}`)
        return code === 0
      },
      `kubectl ${args.join(' ')}`,
    )
  }

  waitFor(target: string, holds: (object: KubeObject) => boolean): Promise<KubeObject> {
    const argv = ['kubectl', ...this.kubeconfigFlags, 'get', target, '-o', 'json', '--watch']
    return watchUntil(this.host.command(argv), target, holds)
  }

  async kvorum(...args: readonly string[]): Promise<string> {
    const kubeconfig = `KUBECONFIG=${this.kubeconfig}`
    const command = ['timeout', commandSeconds, 'env', kubeconfig, process.execPath, kvorumScript, ...args]
    return outputOf(`kvorum ${args.join(' ')}`, await this.host.exec(command))
  }

  async virsh(...args: readonly string[]): Promise<string> {
    const result = await this.host.exec(['timeout', commandSeconds, 'virsh', '--quiet', ...args])
    return outputOf(`virsh ${args.join(' ')}`, result)
  }

  pidOf(program: ProgramName): Promise<number> {
    return until(async () => (await this.#find(program))?.pid, `${program} to run`, upMs)
  }

  async #find(program: ProgramName) {
    return (await processesOf(this.host)).find((each) => isProgram(each, program))
  }

  async kill(program: ProgramName, signal: NodeJS.Signals): Promise<void> {
    const pid = String(await this.pidOf(program))
    outputOf(`kill ${program}`, await this.host.exec(['kill', '-s', signal.replace('SIG', ''), pid]))
    const gone = async () => (await this.host.exec(['kill', '-0', pid])).code !== 0
    await until(gone, `${program} (process ${pid}) to end after ${signal}`)
  }

  async qemuPids(machine: string): Promise<readonly number[]> {
    return (await qemuProcesses(this.host)).get(await this.#uuidOf(machine)) ?? []
  }

  async inGuest(machine: string, ...argv: readonly [string, ...string[]]): Promise<string> {
    return runInGuest(this.host, await this.#uuidOf(machine), argv)
  }

  async startInGuest(machine: string, ...argv: readonly [string, ...string[]]): Promise<void> {
    return startInGuest(this.host, await this.#uuidOf(machine), argv)
  }

  async files(): Promise<readonly string[]> {
    const directory = join(this.dataDir, 'node')
    const entries = await readdir(directory, { withFileTypes: true, recursive: true })
    return entries
      .filter((entry) => !entry.isDirectory())
      .map((entry) => relative(directory, join(entry.parentPath, entry.name)))
      .toSorted()
  }

  async bootIdOf(machine: string): Promise<string> {
    return bootId(this.host, await this.#uuidOf(machine))
  }

  async #uuidOf(machine: string): Promise<string> {
    const { status } = await this.waitFor(`vm/${machine}`, (object) => object.status?.uuid !== undefined)
    return status?.uuid ?? ''
  }

  async diagnosis(): Promise<string> {
    const kinds = 'hc,host,sd,net,img,disk,vm,vmi,events'
    const parts = [
      ['kvorum up', this.#upOutput.slice(-4000)],
      ['processes', (await this.host.exec(['ps', '-eo', 'pid,etime,args'])).stdout],
      ['virsh list', (await this.host.exec(['timeout', '10', 'virsh', 'list', '--all'])).stdout],
      [
        'objects',
        (await this.tryKubectl(['get', kinds, '-A', '-o', 'wide', '--request-timeout=10s'])).stdout,
      ],
      [
        'machines',
        (await this.tryKubectl(['get', 'vm,vmi', '-A', '-o', 'yaml', '--request-timeout=10s'])).stdout,
      ],
    ]
    const logs = join(this.dataDir, 'logs')
    for (const name of await readdir(logs).catch(() => [])) {
      if (name === 'etcd.log') continue
      parts.push([name, readable(await readFile(join(logs, name), 'utf8'))])
    }
    return parts.map(([title, text]) => `--- ${title}\n${text}`).join('\n')
  }

  async stop(): Promise<void> {
    await this.host.stop()
    this.#up?.removeAllListeners()
  }
}

/** The last lines of a log, each with what a person looks at first, repeated ones once. */
function readable(log: string): string {
  const lines = log
    .trim()
    .split('\n')
    .map((line) => {
      try {
        const { time, msg, error, level, ...fields } = JSON.parse(line) as LogLine
        const where = ['program', 'host', 'hostname', 'pid'].reduce(without, fields)
        const why = error?.message === undefined ? '' : ` — ${error.message}`
        return { time: time.slice(11, 23), text: `${String(level)} ${msg} ${JSON.stringify(where)}${why}` }
      } catch {
        return { time: '', text: line }
      }
    })
  const different = lines.filter(({ text }, at) => text !== lines[at - 1]?.text)
  return different
    .slice(-60)
    .map(({ time, text }) => `${time} ${text}`)
    .join('\n')
}

interface LogLine {
  readonly time: string
  readonly level: number
  readonly msg: string
  readonly error?: { readonly message?: string }
  readonly [field: string]: unknown
}

function without(fields: object, name: string): object {
  return Object.fromEntries(Object.entries(fields).filter(([key]) => key !== name))
}

function outputOf(what: string, { code, stdout, stderr }: ExecResult): string {
  if (code === 0) return stdout
  throw new Error(`${what} ended with ${code}: ${stderr.trim()}\n${stdout}`)
}
