import { copyFile, mkdir, rename, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { spawn } from 'node:child_process'
import { buildGuestImage } from './guest-image/build.ts'
import { kvmWorks } from './host/kvm-probe.ts'
import { ensureAioRequests, ensureForwarding, ensureLibvirtd } from './host/libvirtd.ts'
import { installPackages, startPackages, UnsupportedDistributionError } from './host/packages.ts'
import { requireRoot } from './host/root.ts'
import { run } from './run.ts'

const root = join(import.meta.dirname, '..')
const dataDir = process.env['KVORUM_DATA_DIR'] ?? join(root, '.kvorum')
const log = (line: string) => console.log(line)

/** Takes a fresh machine to a running guest: packages, guest image, libvirtd, `kvorum up`, quickstart manifests. */
async function start(args: readonly string[]): Promise<number> {
  requireRoot('npm start')
  await installPackages(startPackages, log)
  const image = await buildGuestImage(join(root, '.cache', 'guest'), log)
  const kvm = await kvmWorks(image)
  log(
    kvm
      ? 'KVM works: machines run on the processor'
      : 'KVM does not work here: machines are emulated (TCG), which is many times slower',
  )
  await ensureLibvirtd(!kvm, log)
  await ensureForwarding(log)
  await ensureAioRequests(log)
  await offerImage(image)
  await letQemuThrough(dataDir)
  return kvorum(['up', '--data-dir', dataDir, '--apply', join(root, 'manifests', 'quickstart'), ...args])
}

/** Puts the guest where `Image.spec.source.file.path` is looked up. */
async function offerImage(image: string): Promise<void> {
  const target = join(dataDir, 'import', 'quickstart.qcow2')
  await mkdir(dirname(target), { recursive: true })
  await copyFile(image, `${target}.partial`)
  await rename(`${target}.partial`, target)
}

// QEMU runs as its own user; a checkout below a private home directory is closed to it.
async function letQemuThrough(directory: string): Promise<void> {
  for (let path = dirname(directory); path !== dirname(path); path = dirname(path)) {
    if (((await stat(path)).mode & 0o001) !== 0) continue
    log(`Letting QEMU's user pass through ${path} (setfacl u:libvirt-qemu:x)`)
    await run('setfacl', ['-m', 'u:libvirt-qemu:x', path])
  }
}

function kvorum(args: readonly string[]): Promise<number> {
  const child = spawn(process.execPath, [join(root, 'cli', 'kvorum.mjs'), ...args], { stdio: 'inherit' })
  // Ctrl-C reaches the child too: it stops in order and we wait for it.
  process.on('SIGINT', () => {})
  process.on('SIGTERM', () => child.kill('SIGTERM'))
  return new Promise((resolve) => child.on('exit', (code) => resolve(code ?? 1)))
}

try {
  process.exitCode = await start(process.argv.slice(2))
} catch (error) {
  console.error(error instanceof UnsupportedDistributionError ? error.message : error)
  process.exitCode = 1
}
