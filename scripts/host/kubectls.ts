import { access, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from '../run.ts'

/** A release of Debian and its package that has kubectl; what is in it runs on every distribution that Kvorum knows. */
interface KubectlPackage {
  readonly suite: string
  readonly name: string
}

const packages: readonly KubectlPackage[] = [
  { suite: 'bookworm', name: 'kubernetes-client' },
  { suite: 'trixie', name: 'kubectl' },
]
const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg'

/**
 * Unpacks an old and a new kubectl below `directory`, one folder per release of Debian, without installing either: the
 * tests want to know that both get on with the API server. What cannot be had is said and left out.
 */
export async function unpackKubectls(directory: string, log: (line: string) => void): Promise<void> {
  for (const wanted of packages) {
    const target = join(directory, wanted.suite)
    if (await exists(join(target, 'usr', 'bin', 'kubectl'))) continue
    try {
      await unpack(wanted, target)
      log(`Unpacked kubectl of Debian ${wanted.suite} into ${target}`)
    } catch (error) {
      log(
        `No kubectl of Debian ${wanted.suite}: ${(error as Error).message.split('\n').slice(0, 3).join(' ')}`,
      )
    }
  }
}

async function unpack({ suite, name }: KubectlPackage, target: string): Promise<void> {
  if (!(await exists(keyring))) throw new Error(`${keyring} is missing`)
  const work = `${target}.new`
  await rm(work, { recursive: true, force: true })
  const options = await privateApt(join(work, 'apt'), suite)
  const unpacked = join(work, 'root')
  await mkdir(unpacked)
  await run('apt-get', ['-q', ...options, 'update'])
  await run('apt-get', ['-q', ...options, 'download', name], { cwd: work })
  const [file] = (await readdir(work)).filter((entry) => entry.endsWith('.deb'))
  if (file === undefined) throw new Error(`apt-get downloaded no ${name}`)
  await run('dpkg', ['-x', join(work, file), unpacked])
  await rm(target, { recursive: true, force: true })
  await rename(unpacked, target)
  await rm(work, { recursive: true, force: true })
}

/** Where this machine gets Debian's packages from; other releases lie beside its own. Throws when it is no Debian. */
async function debianMirror(): Promise<string> {
  const format = '$(ORIGIN) $(REPO_URI)'
  const listed = await run('apt-get', ['indextargets', '--format', format, 'Created-By: Packages'])
  const mirrors = listed.split('\n').flatMap((line) => /^Debian (\S+\/debian\/?)$/.exec(line)?.[1] ?? [])
  const [mirror] = mirrors
  if (mirror === undefined) throw new Error("the machine has no archive of Debian's packages")
  return mirror
}

/** Options that let apt look at one release alone and keep its state in `directory`, not in the system's. */
async function privateApt(directory: string, suite: string): Promise<string[]> {
  const places = ['lists/partial', 'archives/partial']
  for (const place of places) await mkdir(join(directory, place), { recursive: true })
  const sources = join(directory, 'sources.list')
  await writeFile(sources, `deb [signed-by=${keyring}] ${await debianMirror()} ${suite} main\n`)
  await writeFile(join(directory, 'status'), '')
  const settings = {
    'Dir::Etc::sourcelist': sources,
    'Dir::Etc::sourceparts': '-',
    'Dir::State': directory,
    'Dir::State::lists': join(directory, 'lists'),
    'Dir::State::status': join(directory, 'status'),
    'Dir::Cache': directory,
    'APT::Sandbox::User': 'root',
  }
  return Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`])
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  )
}
