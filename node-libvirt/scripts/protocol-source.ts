import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** The protocol files of one libvirt release, as text, and where they came from. */
export interface ProtocolSource {
  /** The distribution's version of the source package, such as `9.0.0-4+deb12u2`. */
  readonly version: string
  /** The files by base name (`remote_protocol.x`). */
  readonly files: ReadonlyMap<string, string>
}

const wanted = ['virnetprotocol.x', 'virkeepaliveprotocol.x', 'remote_protocol.x', 'qemu_protocol.x']

/**
 * Downloads libvirt's source package with apt into a directory that is removed afterwards.
 * The system's own lists and configuration stay untouched; signatures are checked by apt as usual.
 */
export async function fetchProtocolSource(): Promise<ProtocolSource> {
  const directory = await mkdtemp(join(tmpdir(), 'node-libvirt-source-'))
  try {
    await mkdir(join(directory, 'lists', 'partial'), { recursive: true })
    await writeFile(join(directory, 'deb-src.list'), await debSources())
    const options = [
      `Dir::Etc::sourcelist=${join(directory, 'deb-src.list')}`,
      'Dir::Etc::sourceparts=-',
      `Dir::State::lists=${join(directory, 'lists')}`,
      'APT::Sandbox::User=root',
    ].flatMap((option) => ['-o', option])
    await run('apt-get', [...options, '-qq', 'update'], { cwd: directory, timeout: 300_000 })
    await run('apt-get', [...options, '-qq', '--download-only', 'source', 'libvirt'], {
      cwd: directory,
      timeout: 300_000,
    })
    return await unpack(directory)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

/** The sources of the archives that this machine takes its packages from, wherever its mirror is. */
async function debSources(): Promise<string> {
  const format = '$(REPO_URI)|$(RELEASE)|$(COMPONENT)'
  const { stdout } = await run('apt-get', ['indextargets', '--format', format, 'Created-By: Packages'])
  const archives = new Set(stdout.split('\n').filter((line) => line !== ''))
  if (archives.size === 0) throw new Error('apt knows no package archive: run apt-get update')
  const lines = [...archives].map((line) => {
    const [uri, release, component] = line.split('|')
    return `deb-src ${uri} ${release} ${component}\n`
  })
  return lines.join('')
}

async function unpack(directory: string): Promise<ProtocolSource> {
  const names = await readdir(directory)
  const archive = names.find((name) => /\.orig\.tar\.\w+$/.test(name))
  const description = names.find((name) => name.endsWith('.dsc'))
  if (archive === undefined || description === undefined) throw new Error('apt-get source brought no archive')
  const dsc = await readFile(join(directory, description), 'utf8')
  const version = /^Version: (.+)$/m.exec(dsc)?.[1] ?? 'unknown'

  const patterns = wanted.map((name) => `*/src/*/${name}`)
  await run('tar', ['-xf', archive, '--wildcards', ...patterns], { cwd: directory, timeout: 120_000 })
  const paths = await readdir(directory, { recursive: true })
  const files = new Map<string, string>()
  for (const name of wanted) {
    const path = paths.find((candidate) => candidate.endsWith(`/${name}`))
    if (path === undefined) throw new Error(`The source package has no ${name}`)
    files.set(name, await readFile(join(directory, path), 'utf8'))
  }
  return { version, files }
}
