import { execFile } from 'node:child_process'
import { existsSync, globSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'

/** A kubectl of this machine and how new it is. */
export interface KubectlProgram {
  readonly path: string
  /** Such as `v1.32.3`. */
  readonly version: string
  /** Such as 32. */
  readonly minor: number
}

const root = join(import.meta.dirname, '..', '..')
const run = promisify(execFile)

/**
 * The kubectls to try, oldest first, one per minor version: those that `KVORUM_TEST_KUBECTLS` names (paths joined with
 * colons), or else the one in PATH and those that `npm test` unpacks below `.cache/kubectl`.
 */
export async function findKubectls(): Promise<readonly KubectlProgram[]> {
  const named = process.env['KVORUM_TEST_KUBECTLS']
  const paths = named === undefined ? nearby() : named.split(delimiter).filter(Boolean)
  const found = await Promise.all(paths.map(programAt))
  const byMinor = new Map<number, KubectlProgram>()
  for (const program of found) if (!byMinor.has(program.minor)) byMinor.set(program.minor, program)
  return [...byMinor.values()].toSorted((a, b) => a.minor - b.minor)
}

let newest: Promise<KubectlProgram> | undefined

/** The newest of them, looked for once. Rejects when there is none. */
export function newestKubectl(): Promise<KubectlProgram> {
  newest ??= findKubectls().then((found) => {
    const last = found.at(-1)
    if (last === undefined) throw new Error('no kubectl in PATH nor in .cache/kubectl')
    return last
  })
  return newest
}

function nearby(): string[] {
  const inPath = (process.env['PATH'] ?? '').split(delimiter).map((directory) => join(directory, 'kubectl'))
  const first = inPath.find((path) => existsSync(path))
  const unpacked = globSync(join(root, '.cache', 'kubectl', '*', 'usr', 'bin', 'kubectl'))
  return [...(first === undefined ? [] : [first]), ...unpacked]
}

async function programAt(path: string): Promise<KubectlProgram> {
  const { stdout } = await run(path, ['version', '--client', '-o', 'json'])
  const { clientVersion } = JSON.parse(stdout) as { clientVersion: { gitVersion: string; minor: string } }
  return { path, version: clientVersion.gitVersion, minor: Number.parseInt(clientVersion.minor, 10) }
}
