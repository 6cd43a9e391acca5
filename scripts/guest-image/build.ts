import { createHash } from 'node:crypto'
import { access, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { run } from '../run.ts'
import { type EfiLoaders, makeDisk } from './disk.ts'
import { type GuestRecipe, hardwareGuest, quickstartGuest } from './recipe.ts'
import { fillRoot } from './rootfs.ts'

/**
 * Builds a guest from the distribution's own packages (kernel, busybox, guest agent), or finds it in `cacheDir`.
 * Resolves to the path of a bootable qcow2; nothing but the package mirror is reached.
 */
export async function buildGuestImage(
  cacheDir: string,
  log: (line: string) => void,
  recipe: GuestRecipe = quickstartGuest,
): Promise<string> {
  await mkdir(cacheDir, { recursive: true })
  const kernelPackage = await resolveKernelPackage(recipe)
  const output = join(cacheDir, `${recipe.name}-${await cacheKey(kernelPackage)}.qcow2`)
  if (await exists(output)) return output

  log(`Building the ${recipe.name} guest from ${kernelPackage}, busybox and qemu-guest-agent`)
  const work = await mkdtemp(join(tmpdir(), 'kvorum-guest-'))
  // Two may build at the same time: the last one's copy stays, and both are good.
  const partial = `${output}.${process.pid}.partial`
  try {
    await build(work, recipe, kernelPackage, partial)
    await rename(partial, output)
  } finally {
    await rm(work, { recursive: true, force: true })
    await rm(partial, { force: true })
  }
  return output
}

async function build(
  work: string,
  recipe: GuestRecipe,
  kernelPackage: string,
  output: string,
): Promise<void> {
  const debs = join(work, 'debs')
  await mkdir(debs)
  const wanted = [kernelPackage, 'qemu-guest-agent', ...recipe.efiPackages]
  // Ubuntu keeps the modules in a package of their own.
  const modulesPackage = kernelPackage.replace(/^linux-image(-unsigned)?-/, 'linux-modules-')
  if (await packageExists(modulesPackage)) wanted.push(modulesPackage)
  await run('apt-get', ['download', '-q', '-o', 'APT::Sandbox::User=root', ...wanted], { cwd: debs })

  const kernel = join(work, 'kernel')
  const agent = join(work, 'agent')
  const loaders = join(work, 'loaders')
  for (const deb of await readdir(debs)) {
    const isLoader = recipe.efiPackages.some((name) => deb.startsWith(`${name}_`))
    const target = isLoader ? loaders : deb.startsWith('qemu-guest-agent') ? agent : kernel
    await run('dpkg-deb', ['-x', join(debs, deb), target])
  }
  const root = join(work, 'root')
  await fillRoot(root, { kernel, agent, modules: recipe.modules })
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
  const boot = {
    kernel: join(kernel, 'boot', image),
    initrd,
    bootMiB: recipe.bootMiB,
    ...(recipe.efiPackages.length > 0 && { loaders: await findLoaders(loaders) }),
  }
  await makeDisk(work, boot, output)
}

/** Where distributions put them differs, their names hardly. */
async function findLoaders(directory: string): Promise<EfiLoaders> {
  const files = await readdir(directory, { recursive: true })
  const find = (pattern: RegExp) => {
    const found = files.find((file) => pattern.test(file))
    if (found === undefined) throw new Error(`no boot loader ${String(pattern)} in the packages`)
    return join(directory, found)
  }
  return { shim: find(/shimx64\.efi\.signed(\.latest)?$/), grub: find(/\/grubx64\.efi\.signed$/) }
}

/** The meta package's real one, such as linux-image-6.1.0-13-cloud-amd64. */
async function resolveKernelPackage({ kernelPackages }: GuestRecipe): Promise<string> {
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
  const [cacheDir = '.cache/guest', link, name] = process.argv.slice(2)
  const recipe = name === hardwareGuest.name ? hardwareGuest : quickstartGuest
  const path = await buildGuestImage(cacheDir, console.log, recipe)
  if (link !== undefined) await writeFile(link, path)
  console.log(path)
}
