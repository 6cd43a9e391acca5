import { sleep } from '../../apimachinery/clock.ts'
import { isConflict, isNotFound, StatusError } from '../../apimachinery/status-error.ts'
import { parseLabelSelector } from '../../apimachinery/selectors/label-selector.ts'
import { isJsonObject, type JsonObject } from '../../crds/meta/json.ts'
import type { CommandContext } from '../context.ts'
import { pathOf } from '../discovery.ts'
import { identityOf, metadataOf, texts } from '../object-metadata.ts'
import { objectPrinter } from '../printers/object-printer.ts'
import { type DryRun, dryRunOf, type ResultOptions, resultPrinter } from '../printers/result.ts'
import { type Manifest, type ManifestOptions, readSources } from '../read-manifests.ts'
import { findObject, type Named, noSuchKind, placeOf } from '../selection.ts'
import { throwAll, UsageError } from '../usage-error.ts'
import { type ApplySet, openApplySet } from './apply-set.ts'
import { prune, pruneApplySet } from './prune.ts'
import { parseGoal, waitFor } from './wait.ts'

export interface ApplyOptions extends ManifestOptions, ResultOptions {
  readonly selector?: string
  readonly forceConflicts?: boolean
  readonly fieldManager?: string
  /** `strict`, `warn` or `ignore`; as with kubectl also `true` and `false`. */
  readonly validate?: string | boolean
  readonly prune?: boolean
  /** With `prune`: all that this field manager has applied, without a selector. */
  readonly all?: boolean
  /** `group/version/Kind` that `prune` looks at. */
  readonly pruneAllowlist?: readonly string[]
  /** Name, or type/name, of the object that remembers what belongs to the set. */
  readonly applyset?: string
}

export const defaultFieldManager = 'kvorum'

/** What was applied: where it is and what the server made of it. */
export interface Applied {
  readonly place: Named
  readonly object: JsonObject
}

/** `kvorum apply`: server-side apply of every object, what others depend on first. */
export async function apply(context: CommandContext, options: ApplyOptions): Promise<void> {
  const manifests = selected(await readSources(context, options), options)
  if (manifests.length === 0) throw new UsageError('no objects passed to apply')
  const ordered = manifests.toSorted((a, b) => rank(a) - rank(b))
  const set = await applySetOf(context, options, ordered)
  const report = reporter(context, options)
  const applied: Applied[] = []
  const errors: unknown[] = []
  for (const manifest of ordered) {
    try {
      const { place, object, done } = await applyOne(context, manifest, { ...options, set, all: ordered })
      applied.push({ place, object })
      report.add(place, object, done)
    } catch (error) {
      if (context.signal.aborted) throw error
      errors.push(error)
    }
  }
  report.end()
  throwAll(errors)
  if (set !== undefined) await pruneApplySet(context, set, applied, options)
  else if (options.prune === true) await prune(context, applied, options)
}

function selected(manifests: readonly Manifest[], { selector }: ApplyOptions): readonly Manifest[] {
  if (selector === undefined) return manifests
  const matches = parseLabelSelector(selector)
  return manifests.filter(({ object }) => matches.matches(texts(metadataOf(object)['labels'])))
}

async function applySetOf(
  context: CommandContext,
  options: ApplyOptions,
  manifests: readonly Manifest[],
): Promise<ApplySet | undefined> {
  const { applyset, selector, all, pruneAllowlist } = options
  if (options.prune === true && applyset === undefined && selector === undefined && all !== true)
    throw new UsageError('--prune needs to know what belongs together: --applyset, -l or --all')
  if (applyset === undefined) return undefined
  if (options.prune !== true) throw new UsageError('--applyset requires --prune')
  if (selector !== undefined || all === true || pruneAllowlist !== undefined)
    throw new UsageError(
      '--applyset says what belongs together: -l, --all and --prune-allowlist do not go with it',
    )
  return openApplySet(context, applyset, { dryRun: dryRunOf(options), manifests })
}

interface Reporter {
  add(place: Named, object: JsonObject, done: string): void
  end(): void
}

/** A line per object as it is applied, or with `-o` all objects in the end: one as itself, several as a list. */
function reporter(context: CommandContext, options: ApplyOptions): Reporter {
  if (options.output === undefined || options.output === 'name') {
    const tell = resultPrinter(context, options)
    return { add: (place, object, done) => tell(place, object, done), end: () => {} }
  }
  const print = objectPrinter(options.output, options)
  const objects: JsonObject[] = []
  return {
    add: (_place, object) => objects.push(object),
    end() {
      const [only] = objects
      if (only === undefined) return
      const list = { apiVersion: 'v1', kind: 'List', metadata: {}, items: objects }
      context.print(print(objects.length === 1 ? only : list))
    },
  }
}

interface OneOptions extends Omit<ApplyOptions, 'all'> {
  readonly set: ApplySet | undefined
  readonly all: readonly Manifest[]
}

async function applyOne(
  context: CommandContext,
  manifest: Manifest,
  options: OneOptions,
): Promise<Applied & { readonly done: string }> {
  if (manifest.object.metadata.name === '')
    throw new UsageError(`${manifest.source}: apply needs metadata.name, generateName is for create`)
  const place = await placeWhenServed(context, manifest, options)
  const before = await findObject(context, place)
  const object = options.set === undefined ? manifest.object : options.set.member(manifest.object, before)
  const dryRun = dryRunOf(options)
  if (dryRun === 'client') return { place, object, done: before === undefined ? 'created' : 'configured' }
  const after = await context.api
    .json({
      method: 'PATCH',
      path: pathOf(place.resource, place),
      query: {
        fieldManager: options.fieldManager ?? defaultFieldManager,
        fieldValidation: fieldValidationOf(options.validate),
        force: options.forceConflicts === true ? 'true' : 'false',
        dryRun: dryRunQuery(dryRun),
      },
      contentType: 'application/apply-patch+yaml',
      body: object,
    })
    .catch((error: unknown) => {
      throw isConflict(error) ? explainConflict(error as StatusError, place) : error
    })
  const version = identityOf(after).resourceVersion
  const unchanged = before !== undefined && identityOf(before).resourceVersion === version
  const done = before === undefined ? 'created' : unchanged ? 'unchanged' : 'configured'
  return { place, object: isJsonObject(after) ? after : object, done }
}

export function dryRunQuery(dryRun: DryRun): string | undefined {
  return dryRun === 'server' ? 'All' : undefined
}

/** The query parameter for `--validate`. Throws UsageError. */
export function fieldValidationOf(validate: string | boolean | undefined): string {
  const value = String(validate ?? 'strict').toLowerCase()
  if (value === 'strict' || value === 'true') return 'Strict'
  if (value === 'warn') return 'Warn'
  if (value === 'ignore' || value === 'false') return 'Ignore'
  throw new UsageError(
    `invalid - validate option "${value}"; must be one of: strict (or true), warn, ignore (or false)`,
  )
}

/** Who has which field, and what can be done about it. */
function explainConflict(error: StatusError, { resource, name }: Named): StatusError {
  const causes = error.details?.causes ?? []
  if (!causes.some(({ reason }) => reason === 'FieldManagerConflict')) return error
  const owned = causes.map(
    ({ field, message }) => `  ${field ?? ''}: ${(message ?? '').replace(/^conflict with /, 'managed by ')}`,
  )
  const text = [
    `${error.message}`,
    `Others have set these fields of ${resource.singular} ${name} to something else:`,
    ...owned,
    'Leave the fields out of your manifest to let the others keep them, set them to what the others have set to own',
    'them together, or add --force-conflicts to take them over.',
  ]
  return new StatusError(error.reason, text.join('\n'), { code: error.code, cause: error })
}

const establishMs = 30_000
const lookAgainMs = 100
const established = parseGoal('condition=Established')

/** Where the object goes; for a kind that a definition among the manifests brings, as soon as it is served. */
async function placeWhenServed(
  context: CommandContext,
  manifest: Manifest,
  options: OneOptions,
): Promise<Named> {
  const { apiVersion, kind } = manifest.object
  if ((await context.discovery()).findKind(apiVersion, kind) !== undefined) return placeOf(context, manifest)
  const definition = options.all.find(({ object }) => defines(object, apiVersion, kind))
  if (definition === undefined || dryRunOf(options) !== 'none') throw noSuchKind(manifest)
  const crd = await placeOf(context, definition)
  await waitFor(context, crd, established, establishMs)
  const deadline = context.clock.monotonic() + establishMs
  // Discovery follows a definition a moment after it is established, and nothing tells when.
  while ((await context.discovery(true)).findKind(apiVersion, kind) === undefined) {
    if (context.clock.monotonic() > deadline) throw noSuchKind(manifest)
    await sleep(context.clock, lookAgainMs, context.signal)
  }
  return placeOf(context, manifest)
}

function defines(object: JsonObject, apiVersion: string, kind: string): boolean {
  if (object['kind'] !== 'CustomResourceDefinition' || !isJsonObject(object['spec'])) return false
  const { group, names } = object['spec']
  return isJsonObject(names) && names['kind'] === kind && apiVersion.split('/')[0] === group
}

// Definitions and namespaces must be there before what is written in their terms.
function rank({ object }: Manifest): number {
  if (object.kind === 'CustomResourceDefinition') return 0
  return object.kind === 'Namespace' ? 1 : 2
}

/** Nothing for what is not there. */
export function ignoreNotFound(error: unknown): undefined {
  if (!isNotFound(error)) throw error
}
