import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { access, mkdir, readFile, writeFile } from 'node:fs/promises'
import { createConnection } from 'node:net'
import { run } from '../run.ts'

const socketPath = '/run/libvirt/libvirt-sock'
const startMs = 20_000
// Daemons that go into the background by themselves.
const startCommand = 'virtlogd -d; exec libvirtd -d'

/**
 * Sees to it that libvirtd answers: through systemd where it runs, else as a daemon of its own. With `maskKvm`
 * libvirtd does not see /dev/kvm: a broken one makes it probe QEMU for 40 s at every define.
 */
export async function ensureLibvirtd(maskKvm: boolean, log: (line: string) => void): Promise<void> {
  if (await answers()) return
  log(`Starting libvirtd${maskKvm ? ' without /dev/kvm' : ''}`)
  if (await exists('/run/systemd/system')) await startWithSystemd(maskKvm)
  else await startAlone(maskKvm)
  const deadline = Date.now() + startMs
  while (!(await answers())) {
    if (Date.now() > deadline) throw new Error(`libvirtd did not come up: nothing answers on ${socketPath}`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

async function startWithSystemd(maskKvm: boolean): Promise<void> {
  if (maskKvm) {
    await mkdir('/etc/systemd/system/libvirtd.service.d', { recursive: true })
    await writeFile(
      '/etc/systemd/system/libvirtd.service.d/kvorum-kvm.conf',
      '[Service]\nInaccessiblePaths=-/dev/kvm\n',
    )
    await run('systemctl', ['daemon-reload'])
  }
  await run('systemctl', ['enable', '--now', 'libvirtd.service'])
}

async function startAlone(maskKvm: boolean): Promise<void> {
  await mkdir('/run/libvirt', { recursive: true })
  if (!maskKvm || !(await exists('/dev/kvm'))) return runDetached('sh', ['-c', startCommand])
  // A device that QEMU's user may not open: with one that it may, libvirtd would find KVM usable and probe for ever.
  const closed = '/run/libvirt/kvorum-no-kvm'
  if (!(await exists(closed))) await run('mknod', ['-m', '600', closed, 'c', '1', '3'])
  const script = `mount --bind ${closed} /dev/kvm; ${startCommand}`
  return runDetached('unshare', ['-m', '--propagation', 'slave', 'sh', '-c', script])
}

// libvirtd forks into the background by itself; what it inherits must not keep our pipes open, so a file takes its words.
async function runDetached(file: string, args: readonly string[]): Promise<void> {
  const words = '/run/libvirt/kvorum-start.log'
  const output = openSync(words, 'w')
  const child = spawn(file, args, { stdio: ['ignore', output, output], detached: true })
  closeSync(output)
  const [code] = (await once(child, 'exit')) as [number | null]
  if (code !== 0) throw new Error(`libvirtd was not started: ${(await readFile(words, 'utf8')).trim()}`)
}

function answers(): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(socketPath)
    socket.on('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', () => resolve(false))
  })
}

/** IPv4 forwarding: without it machines on a NAT network reach nothing beyond the host. */
export async function ensureForwarding(log: (line: string) => void): Promise<void> {
  const path = '/proc/sys/net/ipv4/ip_forward'
  if ((await readFile(path, 'utf8')).trim() === '1') return
  log('Switching on IPv4 forwarding (net.ipv4.ip_forward=1)')
  await writeFile(path, '1')
}

// What databases ask of hosts as well; the kernel's default is used up by a few dozen machines.
const aioRequests = 1_048_576

/** Room for asynchronous disk requests: QEMU asks for some per machine, and does not start without. */
export async function ensureAioRequests(log: (line: string) => void): Promise<void> {
  const path = '/proc/sys/fs/aio-max-nr'
  if (Number(await readFile(path, 'utf8')) >= aioRequests) return
  log(`Making room for disk requests (fs.aio-max-nr=${aioRequests})`)
  await writeFile(path, String(aioRequests))
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
