import type { JsonObject } from '../../crds/meta/json.ts'
import type { CommandContext } from '../context.ts'
import { type Named } from '../selection.ts'
import { qualifiedSingular } from '../discovery.ts'
import { identityOf } from '../object-metadata.ts'
import { UsageError } from '../usage-error.ts'
import { objectPrinter } from './object-printer.ts'

export interface ResultOptions {
  /** `name`, `yaml`, `json`, …; left out: a line that says what was done. */
  readonly output?: string
  /** `none`, `client` or `server`; `true` for the option without a value. */
  readonly dryRun?: string | boolean
  readonly showManagedFields?: boolean
}

export type DryRun = 'none' | 'client' | 'server'

/** Reads `--dry-run`. Throws UsageError. */
export function dryRunOf({ dryRun }: Pick<ResultOptions, 'dryRun'>): DryRun {
  if (dryRun === undefined || dryRun === false || dryRun === 'none') return 'none'
  if (dryRun === 'client' || dryRun === 'server') return dryRun
  throw new UsageError(`Invalid dry-run value (${String(dryRun)}). Must be "none", "server", or "client".`)
}

const suffixes: Readonly<Record<DryRun, string>> = {
  none: '',
  client: ' (dry run)',
  server: ' (server dry run)',
}

/** Tells what was done to each object: `virtualmachine.kvorum.dev/web created`, or the object itself with `-o`. */
export function resultPrinter(
  context: CommandContext,
  options: ResultOptions,
): (target: Pick<Named, 'resource'>, object: JsonObject, operation: string) => void {
  const suffix = suffixes[dryRunOf(options)]
  if (options.output === undefined || options.output === '') {
    return ({ resource }, object, operation) =>
      context.print(`${qualifiedSingular(resource)}/${identityOf(object).name} ${operation}${suffix}\n`)
  }
  const print = objectPrinter(options.output, options)
  return (_target, object) => context.print(print(object))
}
