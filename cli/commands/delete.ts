import { isNotFound } from '../../apimachinery/status-error.ts'
import { isJsonObject, type JsonObject } from '../../crds/meta/json.ts'
import type { CommandContext } from '../context.ts'
import { pathOf, qualifiedSingular } from '../discovery.ts'
import { parseDuration } from '../duration.ts'
import { identityOf } from '../object-metadata.ts'
import { dryRunOf } from '../printers/result.ts'
import { expand, type Named, requireNames, select, type SelectionOptions, type Wanted } from '../selection.ts'
import { throwAll, UsageError } from '../usage-error.ts'
import { whileDoing } from '../while-doing.ts'
import { dryRunQuery } from './apply.ts'
import { parseGoal, waitFor } from './wait.ts'

export interface DeleteOptions extends SelectionOptions {
  readonly ignoreNotFound?: boolean
  readonly wait: boolean
  readonly timeout: string
  /** `background`, `foreground` or `orphan`; `true` and `false` are the older names of the first and the last. */
  readonly cascade?: string
  /** Seconds that a machine is given to shut down; `-1` leaves it to the kind. */
  readonly gracePeriod?: string
  readonly dryRun?: string | boolean
  readonly output?: string
}

/** `kvorum delete`: and waits until the objects are gone, finalizers and all. */
export async function deleteObjects(
  context: CommandContext,
  args: readonly string[],
  options: DeleteOptions,
): Promise<void> {
  const body = deleteBody(options)
  if (options.output !== undefined && options.output !== 'name')
    throw new UsageError(`unexpected -o output mode: ${options.output}. We only support '-o name'`)
  const targets = await targetsOf(context, args, options)
  if (targets.length === 0) context.print('No resources found\n')
  const { deleted, errors } = await deleteAll(context, targets, body, options)
  if (options.wait && dryRunOf(options) === 'none') await waitUntilGone(context, deleted, options)
  throwAll(errors)
}

async function deleteAll(
  context: CommandContext,
  targets: readonly ToDelete[],
  body: JsonObject,
  options: DeleteOptions,
): Promise<{ deleted: Deleted[]; errors: unknown[] }> {
  const errors: unknown[] = []
  const deleted: Deleted[] = []
  for (const target of targets) {
    try {
      deleted.push({ ...target, uid: await deleteOne(context, target, body, options) })
    } catch (error) {
      const isGone = isNotFound(error) && (options.ignoreNotFound === true || target.listed === true)
      if (!isGone) errors.push(whileDoing(error, 'deleting', target.manifest))
    }
  }
  return { deleted, errors }
}

function deleteBody({ cascade = 'background', gracePeriod = '-1' }: DeleteOptions): JsonObject {
  const policies: Readonly<Record<string, string>> = {
    background: 'Background',
    true: 'Background',
    foreground: 'Foreground',
    orphan: 'Orphan',
    false: 'Orphan',
  }
  const propagationPolicy = Object.hasOwn(policies, cascade) ? policies[cascade] : undefined
  if (propagationPolicy === undefined)
    throw new UsageError(
      `invalid cascade value (${cascade}). Must be "background", "foreground", or "orphan"`,
    )
  if (!/^-?\d+$/.test(gracePeriod)) throw new UsageError(`--grace-period takes seconds, not "${gracePeriod}"`)
  const seconds = Number(gracePeriod)
  return { propagationPolicy, ...(seconds >= 0 && { gracePeriodSeconds: seconds }) }
}

type ToDelete = Named & { readonly listed?: boolean }

/** The uid is empty when the server does not tell. */
type Deleted = Named & { readonly uid: string }

async function targetsOf(
  context: CommandContext,
  args: readonly string[],
  options: DeleteOptions,
): Promise<ToDelete[]> {
  const wanted = await select(context, args, options)
  requireNames(wanted, options)
  const found = await Promise.all(
    wanted.map(async (one: Wanted): Promise<ToDelete[]> => {
      const { name } = one
      if (name !== undefined) return [{ ...one, name }]
      return (await expand(context, one, options)).map((object) => ({ ...object, listed: true }))
    }),
  )
  return found.flat()
}

/** Resolves to the uid of what is being deleted. */
async function deleteOne(
  context: CommandContext,
  target: ToDelete,
  body: JsonObject,
  options: DeleteOptions,
): Promise<string> {
  const dryRun = dryRunOf(options)
  const path = pathOf(target.resource, target)
  const request = { path, query: { dryRun: dryRunQuery(dryRun) } }
  const answer =
    dryRun === 'client'
      ? await context.api.json({ ...request, method: 'GET' })
      : await context.api.json({ ...request, method: 'DELETE', body })
  const suffix = { none: '', client: ' (dry run)', server: ' (server dry run)' }[dryRun]
  const what = qualifiedSingular(target.resource)
  context.print(
    options.output === 'name' ? `${what}/${target.name}\n` : `${what} "${target.name}" deleted${suffix}\n`,
  )
  // The object as it is while it goes, or a Status about the one that is gone.
  const details = isJsonObject(answer) && isJsonObject(answer['details']) ? answer['details'] : {}
  return identityOf(answer).uid || (typeof details['uid'] === 'string' ? details['uid'] : '')
}

const gone = parseGoal('delete')

async function waitUntilGone(
  context: CommandContext,
  deleted: readonly Deleted[],
  options: DeleteOptions,
): Promise<void> {
  // As with kubectl, 0 waits as long as it takes.
  const timeoutMs = parseDuration(options.timeout) || 7 * 24 * 3_600_000
  for (const target of deleted) {
    // One that has been made anew under the same name is not the one that was deleted.
    const goal = (object: JsonObject | undefined) =>
      gone(object) || (target.uid !== '' && identityOf(object).uid !== target.uid)
    await waitFor(context, { ...target, mayBeMissing: true }, goal, timeoutMs)
  }
}
