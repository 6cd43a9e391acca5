import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { existsSync, openSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createConnection } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export interface LibvirtHostOptions {
  /** Host name inside. Default `host-1`. */
  readonly name?: string
  /** `masked` (default): the host has no KVM, whatever the machine has; `shared`: it sees the machine's. */
  readonly kvm?: 'masked' | 'shared'
}

/**
 * A host of its own on this machine: mount, network, PID, UTS and IPC namespaces with a libvirtd in them, so that
 * tests neither see nor touch the machine's libvirtd, bridges and firewall. Needs root. Files keep their path inside,
 * apart from libvirt's own directories and /run.
 */
export interface LibvirtTestHost {
  /** Connects from outside: `qemu+unix:///system?socket=…`. Stays the same across restarts. */
  readonly uri: string
  readonly socketPath: string
  /** A directory for disks, the same inside and outside. */
  readonly directory: string
  readonly name: string
  /**
   * The arguments that run a program inside, for one that goes on while the test does: killing what they start kills
   * the program. Throws when the host is off.
   */
  command(argv: readonly string[]): readonly [string, ...string[]]
  /** Runs a program inside; resolves whatever its exit code is. */
  exec(argv: readonly string[], input?: string): Promise<ExecResult>
  /** Sends a UDP datagram from inside. */
  sendDatagram(message: Buffer, route: DatagramRoute): Promise<void>
  /** Power cut: every process in the host is killed at once. Files stay. */
  kill(): Promise<void>
  /** Power on after `kill`; resolves once libvirtd answers. */
  start(): Promise<void>
  /** Kills libvirtd alone, with a signal; machines go on. */
  killLibvirtd(signal?: 'KILL' | 'TERM'): Promise<void>
  /** Starts libvirtd after `killLibvirtd`; resolves once it answers. */
  startLibvirtd(): Promise<void>
  /** Freezes and thaws libvirtd: connections stay open and nothing answers. */
  pauseLibvirtd(): Promise<void>
  resumeLibvirtd(): Promise<void>
  /** Process id, as seen inside, of a domain's QEMU; undefined while it has none. */
  qemuPid(domainName: string): Promise<number | undefined>
  /** Power cut, and everything of it is removed. */
  stop(): Promise<void>
}

export interface DatagramRoute {
  readonly from: string
  readonly to: string
  readonly port: number
}

export interface ExecResult {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

const initScript = fileURLToPath(new URL('libvirt-host-init.sh', import.meta.url))
const startMs = 30_000
const datagramProgram = `
  const [hex, from, to, port] = process.argv.slice(1)
  const socket = require('node:dgram').createSocket('udp4')
  socket.bind(0, from, () => {
    socket.setBroadcast(true)
    socket.send(Buffer.from(hex, 'hex'), Number(port), to, () => socket.close())
  })
`

const qemuConf = `user = "root"
group = "root"
dynamic_ownership = 0
remember_owner = 0
security_driver = "none"
namespaces = []
cgroup_controllers = []
stdio_handler = "file"
`

/** What a test that needs such a host names as missing; undefined when nothing is. */
export function missingForLibvirtHost(): string | undefined {
  if (process.getuid?.() !== 0) return 'root'
  const needed = ['/usr/sbin/libvirtd', '/usr/bin/qemu-system-x86_64', '/usr/bin/unshare', '/usr/bin/setpriv']
  return needed.find((path) => !existsSync(path))
}

/** Resolves once its libvirtd answers; rejects with the host's log when it does not within 30 s. */
export async function startLibvirtHost(options: LibvirtHostOptions = {}): Promise<LibvirtTestHost> {
  const host = new NamespacedHost(options, await mkdtemp(join(tmpdir(), 'kvorum-host-')))
  try {
    await host.prepare()
    await host.start()
  } catch (error) {
    await host.stop()
    throw error
  }
  return host
}

class NamespacedHost implements LibvirtTestHost {
  readonly name: string
  readonly socketPath: string
  readonly uri: string
  readonly directory: string
  readonly #root: string
  readonly #kvm: 'masked' | 'shared'
  #child: ChildProcess | undefined
  #init: number | undefined

  constructor({ name = 'host-1', kvm = 'masked' }: LibvirtHostOptions, root: string) {
    this.name = name
    this.#kvm = kvm
    this.#root = root
    this.directory = join(root, 'disks')
    this.socketPath = join(root, 'run/libvirt/libvirt-sock')
    this.uri = `qemu+unix:///system?socket=${this.socketPath}`
  }

  async prepare(): Promise<void> {
    const directories = ['etc/libvirt', 'var/lib/libvirt', 'var/cache/libvirt', 'var/log/libvirt', 'disks']
    for (const path of directories) await mkdir(join(this.#root, path), { recursive: true })
    const write = (path: string, content: string) => writeFile(join(this.#root, path), content)
    await write('no-kvm', '')
    await write('etc/machine-id', `${randomUUID().replaceAll('-', '')}\n`)
    await write('etc/libvirt/qemu.conf', qemuConf)
    await write('etc/libvirt/libvirtd.conf', `host_uuid = "${randomUUID()}"\nauth_unix_rw = "none"\n`)
  }

  async start(): Promise<void> {
    if (this.#child !== undefined) return
    await rm(join(this.#root, 'run'), { recursive: true, force: true })
    await mkdir(join(this.#root, 'run'))
    const log = openSync(join(this.#root, 'host.log'), 'a')
    const namespaces = [
      '--mount',
      '--net',
      '--uts',
      '--ipc',
      '--pid',
      '--fork',
      '--kill-child=KILL',
      '--mount-proc',
    ]
    // The chain of death signals ends the host even when the test itself is killed.
    const argv = [
      '--pdeathsig',
      'KILL',
      'unshare',
      ...namespaces,
      'sh',
      initScript,
      this.#root,
      this.name,
      this.#kvm,
    ]
    const child = spawn('setpriv', argv, { stdio: ['ignore', log, log] })
    this.#child = child
    const ended = new Promise<'ended'>((resolve) => child.once('exit', () => resolve('ended')))
    const up = await Promise.race([ended, this.#untilAnswering()])
    if (up !== 'answers') throw new Error(`the test host did not come up (${up}): ${await this.#log()}`)
    this.#init = await onlyChild(child)
  }

  async kill(): Promise<void> {
    const child = this.#child
    if (child === undefined) return
    this.#child = undefined
    this.#init = undefined
    await new Promise<void>((resolve) => {
      if (child.exitCode !== null || child.signalCode !== null) return resolve()
      child.once('exit', () => resolve())
      child.kill('SIGKILL')
    })
    // The kernel ends the other processes of the namespace right after its first one.
    await until(async () => !(await accepts(this.socketPath)), 'the host to be gone')
  }

  async stop(): Promise<void> {
    await this.kill()
    await rm(this.#root, { recursive: true, force: true, maxRetries: 5 })
  }

  command(argv: readonly string[]): readonly [string, ...string[]] {
    if (this.#init === undefined) throw new Error(`${this.name} is off`)
    const inside = ['nsenter', '--target', String(this.#init), '--all', '--'] as const
    return [...inside, 'setpriv', '--pdeathsig', 'KILL', '--', ...argv]
  }

  async exec(argv: readonly string[], input = ''): Promise<ExecResult> {
    return run(this.command(argv), input)
  }

  async sendDatagram(message: Buffer, { from, to, port }: DatagramRoute): Promise<void> {
    const argv = [process.execPath, '-e', datagramProgram, message.toString('hex'), from, to, String(port)]
    const { code, stderr } = await this.exec(argv)
    if (code !== 0) throw new Error(`cannot send from ${this.name}: ${stderr}`)
  }

  async killLibvirtd(signal: 'KILL' | 'TERM' = 'KILL'): Promise<void> {
    const pid = await this.#signalLibvirtd(signal)
    await until(async () => (await this.exec(['test', '-e', `/proc/${pid}`])).code !== 0, 'libvirtd to end')
  }

  async startLibvirtd(): Promise<void> {
    await this.exec(['libvirtd', '-d'])
    if ((await this.#untilAnswering()) !== 'answers')
      throw new Error(`libvirtd did not come up: ${await this.#log()}`)
  }

  async pauseLibvirtd(): Promise<void> {
    await this.#signalLibvirtd('STOP')
  }

  async resumeLibvirtd(): Promise<void> {
    await this.#signalLibvirtd('CONT')
  }

  async qemuPid(domainName: string): Promise<number | undefined> {
    const { code, stdout } = await this.exec(['cat', `/run/libvirt/qemu/${domainName}.pid`])
    return code === 0 ? Number(stdout) : undefined
  }

  async #signalLibvirtd(signal: string): Promise<string> {
    const pid = (await this.exec(['cat', '/run/libvirtd.pid'])).stdout.trim()
    const { code, stderr } = await this.exec(['kill', '-s', signal, pid])
    if (code !== 0) throw new Error(`cannot signal libvirtd: ${stderr}`)
    return pid
  }

  async #untilAnswering(): Promise<'answers' | 'silent'> {
    const deadline = performance.now() + startMs
    while (performance.now() < deadline && this.#child !== undefined) {
      if (await accepts(this.socketPath)) return 'answers'
      await pause()
    }
    return 'silent'
  }

  async #log(): Promise<string> {
    return (await readFile(join(this.#root, 'host.log'), 'utf8')).slice(-4000)
  }
}

/** Runs a program on the machine itself. */
function run(argv: readonly string[], input: string): Promise<ExecResult> {
  const [file = '', ...args] = argv
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'pipe'] })
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
    child.stdin.on('error', () => {})
    child.stdin.end(input)
    child.once('error', reject)
    child.once('close', (code) => resolve({ code: code ?? -1, stdout, stderr }))
  })
}

async function onlyChild(parent: ChildProcess): Promise<number> {
  const children = await readFile(`/proc/${String(parent.pid)}/task/${String(parent.pid)}/children`, 'utf8')
  return Number(children.trim())
}

function accepts(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(socketPath)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

async function until(condition: () => Promise<boolean>, what: string): Promise<void> {
  const deadline = performance.now() + startMs
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`waited ${startMs} ms for ${what}`)
    await pause()
  }
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 20))
}
