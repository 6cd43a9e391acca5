import type { LibvirtTestHost } from './libvirt-host.ts'

/** A process of a test host, by the process id that it has inside. */
export interface HostProcess {
  readonly pid: number
  readonly argv: readonly string[]
}

/** The programs of `kvorum up`, and `up` itself. */
export type ProgramName = 'up' | 'etcd' | 'apiserver' | 'controllers' | 'node-daemon'

// One process per line: its id, then its arguments, all ended by NUL.
const listScript = `for d in /proc/[0-9]*; do printf '%s\\0' "\${d#/proc/}"; cat "$d/cmdline" 2>/dev/null; echo; done`

/** Every process of the host that has arguments; kernel threads and zombies have none. */
export async function processesOf(host: LibvirtTestHost): Promise<HostProcess[]> {
  const { stdout } = await host.exec(['sh', '-c', listScript])
  return stdout.split('\0\n').flatMap((line) => {
    const [pid = '', ...argv] = line.trimStart().split('\0')
    return argv.length === 0 ? [] : [{ pid: Number(pid), argv }]
  })
}

/** Whether a process is the program: what starts it carries the same arguments for a moment, and is not. */
export function isProgram({ argv }: HostProcess, name: ProgramName): boolean {
  const [file = ''] = argv
  if (name === 'etcd') return file.endsWith('etcd')
  const script = argv.findIndex((argument) => argument.endsWith('/kvorum.mjs'))
  return file.endsWith('node') && argv[script + 1] === name && script !== -1
}

/** Process ids of QEMU by the UUID that its guest sees; more than one is a machine that runs twice. */
export async function qemuProcesses(host: LibvirtTestHost): Promise<ReadonlyMap<string, readonly number[]>> {
  const found = new Map<string, number[]>()
  for (const { pid, argv } of await processesOf(host)) {
    const at = argv.indexOf('-uuid')
    const uuid = argv[at + 1]
    if (at === -1 || uuid === undefined || !argv[0]?.includes('qemu-system')) continue
    found.set(uuid, [...(found.get(uuid) ?? []), pid])
  }
  return found
}
