import { isJsonObject, type JsonObject } from '../../crds/meta/json.ts'
import type { CommandContext } from '../context.ts'
import { pathOf } from '../discovery.ts'
import { metadataOf, texts } from '../object-metadata.ts'
import { dryRunOf, type ResultOptions, resultPrinter } from '../printers/result.ts'
import { type Found, selectObjects, type SelectionOptions } from '../selection.ts'
import { throwAll, UsageError } from '../usage-error.ts'
import { dryRunQuery } from './apply.ts'

export interface MetadataOptions extends SelectionOptions, ResultOptions {
  /** Change a key that is there already. */
  readonly overwrite?: boolean
  /** Print what there is and change nothing. */
  readonly list?: boolean
  /** Only if the object still has this version. */
  readonly resourceVersion?: string
  readonly fieldManager?: string
}

type Field = 'labels' | 'annotations'

/** `kvorum label`: `key=value` sets, `key-` removes. */
export function label(
  context: CommandContext,
  args: readonly string[],
  options: MetadataOptions,
): Promise<void> {
  return change(context, 'labels', args, options)
}

/** `kvorum annotate`: `key=value` sets, `key-` removes. */
export function annotate(
  context: CommandContext,
  args: readonly string[],
  options: MetadataOptions,
): Promise<void> {
  return change(context, 'annotations', args, options)
}

/** A value per key; null removes. */
type Changes = Readonly<Record<string, string | null>>

async function change(
  context: CommandContext,
  field: Field,
  args: readonly string[],
  options: MetadataOptions,
): Promise<void> {
  const { targets, changes } = split(args, field)
  if (Object.keys(changes).length === 0 && options.list !== true)
    throw new UsageError(`at least one ${field.slice(0, -1)} update is required`)
  const found = await selectObjects(context, targets, options)
  const tell = resultPrinter(context, options)
  const errors: unknown[] = []
  for (const one of found) {
    try {
      if (options.list === true) list(context, field, one, found.length > 1)
      else {
        const { object, operation } = await changeOne(context, field, one, { ...options, changes })
        tell(one, object, operation)
      }
    } catch (error) {
      errors.push(error)
    }
  }
  throwAll(errors)
}

function split(args: readonly string[], field: Field): { targets: string[]; changes: Changes } {
  const targets: string[] = []
  const changes: Record<string, string | null> = {}
  for (const arg of args) {
    const [, key, value] = /^([^=]+)=(.*)$/s.exec(arg) ?? []
    const [, removed] = value === undefined ? (/^([^=]+)-$/.exec(arg) ?? []) : []
    if (key === undefined && removed === undefined) {
      if (Object.keys(changes).length > 0)
        throw new UsageError(`all resources must be specified before ${field.slice(0, -1)} changes: ${arg}`)
      targets.push(arg)
      continue
    }
    const name = key ?? removed ?? ''
    if (Object.hasOwn(changes, name))
      throw new UsageError(`can not both modify and remove a ${field.slice(0, -1)} in the same command`)
    changes[name] = value ?? null
  }
  return { targets, changes }
}

function list(
  context: CommandContext,
  field: Field,
  { resource, name, object }: Found,
  several: boolean,
): void {
  const entries = Object.entries(texts(metadataOf(object)[field])).toSorted(([a], [b]) => (a < b ? -1 : 1))
  if (several) context.print(`Listing ${field} for ${resource.kind}.${resource.group}/${name}:\n`)
  for (const [key, value] of entries) context.print(`${several ? ' ' : ''}${key}=${value}\n`)
}

async function changeOne(
  context: CommandContext,
  field: Field,
  found: Found,
  options: MetadataOptions & { readonly changes: Changes },
): Promise<{ object: JsonObject; operation: string }> {
  const { changes } = options
  const current = texts(metadataOf(found.object)[field])
  if (options.overwrite !== true) refuseOverwriting(field, current, changes)
  for (const [key, value] of Object.entries(changes)) {
    if (value === null && current[key] === undefined)
      context.print(`${field.slice(0, -1)} "${key}" not found.\n`)
  }
  const isChange = Object.entries(changes).some(([key, value]) => (current[key] ?? null) !== value)
  const operation = operationOf(field, changes, isChange)
  const dryRun = dryRunOf(options)
  if (dryRun === 'client' || !isChange) return { object: changed(found.object, field, changes), operation }
  const { resourceVersion } = options
  const body = { metadata: { [field]: changes, ...(resourceVersion !== undefined && { resourceVersion }) } }
  const object = await context.api.json({
    method: 'PATCH',
    path: pathOf(found.resource, found),
    query: { fieldManager: options.fieldManager ?? `kvorum-${verbs[field]}`, dryRun: dryRunQuery(dryRun) },
    contentType: 'application/merge-patch+json',
    body,
  })
  return { object: isJsonObject(object) ? object : found.object, operation }
}

function refuseOverwriting(field: Field, current: Readonly<Record<string, string>>, changes: Changes): void {
  for (const [key, value] of Object.entries(changes)) {
    const there = current[key]
    if (value === null || there === undefined || there === value) continue
    throw new UsageError(
      field === 'labels'
        ? `'${key}' already has a value (${there}), and --overwrite is false`
        : `--overwrite is false but found the following declared annotation(s): '${key}' already has a value (${there})`,
    )
  }
}

const verbs: Readonly<Record<Field, string>> = { labels: 'label', annotations: 'annotate' }

function operationOf(field: Field, changes: Changes, isChange: boolean): string {
  if (field === 'annotations') return 'annotated'
  if (!isChange) return 'not labeled'
  const values = Object.values(changes)
  return values.every((value) => value === null) ? 'unlabeled' : 'labeled'
}

function changed(object: JsonObject, field: Field, changes: Changes): JsonObject {
  const values: Record<string, string> = { ...texts(metadataOf(object)[field]) }
  for (const [key, value] of Object.entries(changes)) {
    if (value === null) delete values[key]
    else values[key] = value
  }
  return { ...object, metadata: { ...metadataOf(object), [field]: values } }
}
