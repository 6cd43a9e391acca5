import type { LibvirtTestHost } from './libvirt-host.ts'
import { until } from './kvorum-system-until.ts'

interface ExecStatus {
  readonly exited: boolean
  readonly exitcode?: number
  readonly 'out-data'?: string
  readonly 'err-data'?: string
}

/**
 * Runs a program inside a guest through its agent and returns what it prints; throws when it fails. The agent may be
 * busy with the daemon's questions or not up yet: then it is asked again.
 */
export async function runInGuest(
  host: LibvirtTestHost,
  uuid: string,
  [path, ...args]: readonly [string, ...string[]],
): Promise<string> {
  const started = await until(
    () =>
      askAgent<{ readonly pid: number }>(host, uuid, 'guest-exec', {
        path,
        arg: args,
        'capture-output': true,
      }),
    `the guest agent of ${uuid} to run ${path}`,
  )
  const status = await until(async () => {
    const answer = await askAgent<ExecStatus>(host, uuid, 'guest-exec-status', { pid: started.pid })
    return answer?.exited === true ? answer : undefined
  }, `${path} to end inside the guest`)
  const text = (data: string | undefined) => Buffer.from(data ?? '', 'base64').toString('utf8')
  if (status.exitcode !== 0) {
    throw new Error(
      `${path} ended with ${String(status.exitcode)} inside the guest: ${text(status['err-data'])}`,
    )
  }
  return text(status['out-data'])
}

/** Different after every boot of the guest, and the same until then. */
export async function bootId(host: LibvirtTestHost, uuid: string): Promise<string> {
  return (await runInGuest(host, uuid, ['/bin/cat', '/proc/sys/kernel/random/boot_id'])).trim()
}

async function askAgent<T>(
  host: LibvirtTestHost,
  uuid: string,
  execute: string,
  args: object,
): Promise<T | undefined> {
  const request = JSON.stringify({ execute, arguments: args })
  const { code, stdout } = await host.exec([
    'virsh',
    '--quiet',
    'qemu-agent-command',
    '--timeout',
    '10',
    uuid,
    request,
  ])
  return code === 0 ? (JSON.parse(stdout) as { readonly return: T }).return : undefined
}

/** Starts a program inside a guest and does not wait for it: for one that ends the guest, agent and all. */
export async function startInGuest(
  host: LibvirtTestHost,
  uuid: string,
  [path, ...args]: readonly [string, ...string[]],
): Promise<void> {
  await until(
    () => askAgent(host, uuid, 'guest-exec', { path, arg: args }),
    `the guest agent of ${uuid} to start ${path}`,
  )
}
