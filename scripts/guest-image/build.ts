import { createHash } from 'node:crypto'
import { access, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { run } from '../run.ts'
import { makeDisk } from './disk.ts'
import { fillRoot } from './rootfs.ts'

/** Packages that are unpacked into the guest and not installed on the host; the first that exists is taken. */
const kernelPackages = ['linux-image-cloud-amd64', 'linux-image-virtual', 'linux-image-generic']

/**
 * Builds the quickstart guest from the distribution's own packages (kernel, busybox, guest agent), or finds it in
 * `cacheDir`. Resolves to the path of a bootable qcow2; nothing but the package mirror is reached.
 */
export async function buildGuestImage(cacheDir: string, log: (line: string) => void): Promise<string> {
  await mkdir(cacheDir, { recursive: true })
  const kernelPackage = await resolveKernelPackage()
  const output = join(cacheDir, `quickstart-${await cacheKey(kernelPackage)}.qcow2`)
  if (await exists(output)) return output

  log(`Building the quickstart guest from ${kernelPackage}, busybox and qemu-guest-agent`)
  const work = await mkdtemp(join(tmpdir(), 'kvorum-guest-'))
  try {
    await build(work, kernelPackage, `${output}.partial`)
    await rename(`${output}.partial`, output)
  } finally {
    await rm(work, { recursive: true, force: true })
  }
  return output
}

async function build(work: string, kernelPackage: string, output: string): Promise<void> {
  const debs = join(work, 'debs')
  await mkdir(debs)
  const wanted = [kernelPackage, 'qemu-guest-agent']
  // Ubuntu keeps the modules in a package of their own.
  const modulesPackage = kernelPackage.replace(/^linux-image(-unsigned)?-/, 'linux-modules-')
  if (await packageExists(modulesPackage)) wanted.push(modulesPackage)
  await run('apt-get', ['download', '-q', '-o', 'APT::Sandbox::User=root', ...wanted], { cwd: debs })

  const kernel = join(work, 'kernel')
  const agent = join(work, 'agent')
  for (const deb of await readdir(debs)) {
    await run('dpkg-deb', ['-x', join(debs, deb), deb.startsWith('qemu-guest-agent') ? agent : kernel])
  }
  const root = join(work, 'root')
  await fillRoot(root, kernel, agent)
  const initrd = join(work, 'initrd')
  await run('sh', [
    '-c',
    'cd "$1" && find . -print0 | LC_ALL=C sort -z | cpio --quiet -0 -o -H newc -R 0:0 | gzip -9 >"$2"',
    'pack',
    root,
    initrd,
  ])
  const image = (await readdir(join(kernel, 'boot'))).find((name) => name.startsWith('vmlinuz'))
  if (image === undefined) throw new Error(`${kernelPackage} holds no kernel`)
  await makeDisk(work, join(kernel, 'boot', image), initrd, output)
}

/** The meta package's real one, such as linux-image-6.1.0-13-cloud-amd64. */
async function resolveKernelPackage(): Promise<string> {
  for (const name of kernelPackages) {
    if (!(await packageExists(name))) continue
    const depends = await run('apt-cache', ['depends', name])
    const real = /Depends: (linux-image-\S+)/.exec(depends)?.[1]
    if (real !== undefined) return real
  }
  throw new Error(`none of ${kernelPackages.join(', ')} is known to apt: run apt-get update`)
}

async function packageExists(name: string): Promise<boolean> {
  return run('apt-cache', ['show', name]).then(
    (text) => text.trim() !== '',
    () => false,
  )
}

// The same packages and the same recipe give the same image.
async function cacheKey(kernelPackage: string): Promise<string> {
  const hash = createHash('sha256').update(kernelPackage)
  for (const name of (await readdir(import.meta.dirname)).toSorted())
    hash.update(await readFile(join(import.meta.dirname, name)))
  return hash.digest('hex').slice(0, 12)
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}

if (import.meta.main) {
  const [cacheDir = '.cache/guest', link] = process.argv.slice(2)
  const path = await buildGuestImage(cacheDir, console.log)
  if (link !== undefined) await writeFile(link, path)
  console.log(path)
}
