import { execFile } from 'node:child_process'
import { UsageError } from './usage-error.ts'

const maxBytes = 16 << 20
const timeoutMs = 60_000

interface Building {
  readonly signal: AbortSignal
  readonly env: Readonly<Record<string, string | undefined>>
}

/** What `kustomize build`, or else `kubectl kustomize`, makes of a directory. Throws UsageError. */
export async function buildKustomization(directory: string, { signal, env }: Building): Promise<string> {
  const builders = [
    ['kustomize', 'build'],
    ['kubectl', 'kustomize'],
  ] as const
  for (const [program, ...words] of builders) {
    // What begins with a dash would be taken for an option.
    const args = [...words, directory.startsWith('-') ? `./${directory}` : directory]
    const built = await run(program, args, { signal, env })
    if (built !== undefined) return built
  }
  throw new UsageError('-k needs the program kustomize or kubectl, and neither was found in PATH')
}

/** Undefined when there is no such program. */
function run(program: string, args: string[], { signal, env }: Building): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const options = {
      signal,
      env: { ...env },
      maxBuffer: maxBytes,
      timeout: timeoutMs,
      encoding: 'utf8' as const,
    }
    execFile(program, args, options, (error, stdout, stderr) => {
      if (error === null) resolve(stdout)
      else if (error.code === 'ENOENT') resolve(undefined)
      else if (signal.aborted) reject(signal.reason as Error)
      else reject(new UsageError(stderr.trim().replace(/^error: /i, '') || error.message))
    })
  })
}
