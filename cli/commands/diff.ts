import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isJsonObject, type JsonObject } from '../../crds/meta/json.ts'
import type { CommandContext } from '../context.ts'
import { pathOf } from '../discovery.ts'
import { withoutManagedFields } from '../object-metadata.ts'
import { maskSecrets } from '../printers/mask-secrets.ts'
import { formatYaml } from '../printers/yaml.ts'
import { type Manifest, type ManifestOptions, readSources } from '../read-manifests.ts'
import { findObject, type Named, placeOf } from '../selection.ts'
import { ExitError, throwAll, UsageError } from '../usage-error.ts'
import { defaultFieldManager } from './apply.ts'

export interface DiffOptions extends ManifestOptions {
  readonly forceConflicts?: boolean
  readonly fieldManager?: string
  readonly showManagedFields?: boolean
}

/** Exit codes: 1 for differences, above that for failures, as `diff` itself has them. */
const failed = 2

/**
 * `kvorum diff`: what applying would change, by a dry run on the server. Throws an ExitError with 1 when there are
 * differences, and with 2 when something failed.
 */
export async function diff(context: CommandContext, options: DiffOptions): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'kvorum-diff-'))
  try {
    const [live, merged] = [join(directory, 'LIVE'), join(directory, 'MERGED')]
    await Promise.all([mkdir(live), mkdir(merged)])
    const manifests = await readSources(context, options)
    if (manifests.length === 0) throw new UsageError('no objects passed to diff')
    const errors: unknown[] = []
    for (const manifest of manifests) {
      try {
        await writePair(context, manifest, options, { live, merged })
      } catch (error) {
        errors.push(error)
      }
    }
    const code = await runDiff(context, live, merged)
    throwAll(errors.map(asFailure))
    if (code !== 0) throw new ExitError(code)
  } catch (error) {
    throw asFailure(error)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

/** A failure must not look like a difference. */
function asFailure(error: unknown): unknown {
  if (error instanceof Error && !(error instanceof ExitError)) Object.assign(error, { exitCode: failed })
  return error
}

async function writePair(
  context: CommandContext,
  manifest: Manifest,
  options: DiffOptions,
  to: { readonly live: string; readonly merged: string },
): Promise<void> {
  const place = await placeOf(context, manifest)
  const before = await findObject(context, place)
  const after = await context.api.json({
    method: 'PATCH',
    path: pathOf(place.resource, place),
    query: {
      fieldManager: options.fieldManager ?? defaultFieldManager,
      force: options.forceConflicts === true ? 'true' : 'false',
      dryRun: 'All',
    },
    contentType: 'application/apply-patch+yaml',
    body: manifest.object,
  })
  const shown = [before, isJsonObject(after) ? after : undefined].map((object) =>
    object === undefined || options.showManagedFields === true ? object : withoutManagedFields(object),
  )
  const [left, right] = maskSecrets(shown[0], shown[1])
  const name = fileName(place)
  await writeObject(join(to.live, name), left)
  await writeObject(join(to.merged, name), right)
}

function fileName({ resource, namespace = '', name }: Named): string {
  const { group, version, kind } = resource
  // Names of objects may hold no slash; those of some built-in kinds may, and a path must not leave its directory.
  const parts = [...(group === '' ? [] : [group]), version, kind, namespace, name]
  return parts.join('.').replaceAll('/', '_')
}

async function writeObject(path: string, object: JsonObject | undefined): Promise<void> {
  if (object !== undefined) await writeFile(path, formatYaml(object), { mode: 0o600 })
}

/** Runs `KUBECTL_EXTERNAL_DIFF`, of whose words only those that look like plain options are taken, or `diff -u -N`. */
function runDiff(context: CommandContext, live: string, merged: string): Promise<number> {
  const [program = 'diff', ...rest] = (context.env['KUBECTL_EXTERNAL_DIFF'] ?? '')
    .split(/\s+/)
    .filter(Boolean)
  const plain = rest.filter((word) => /^[a-zA-Z0-9-=]+$/.test(word))
  const args = program === 'diff' && rest.length === 0 ? ['-u', '-N'] : plain
  return new Promise((resolve, reject) => {
    const child = spawn(program, [...args, live, merged], {
      stdio: ['ignore', 'pipe', 'pipe'],
      signal: context.signal,
      env: { ...context.env },
    })
    let errors = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => context.print(text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text))
    child.once('error', (error) => reject(new UsageError(`failed to run "${program}": ${error.message}`)))
    child.once('close', (code) => {
      if (errors.trim() !== '') context.error(errors.trim())
      resolve(code ?? failed)
    })
  })
}
