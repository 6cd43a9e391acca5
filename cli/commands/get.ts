import { isNotFound } from '../../apimachinery/status-error.ts'
import type { JsonObject } from '../../crds/meta/json.ts'
import type { CommandContext } from '../context.ts'
import { objectPrinter } from '../printers/object-printer.ts'
import { sortByPath } from '../printers/sort.ts'
import { alignTabs, tableTabs } from '../printers/tab-writer.ts'
import { type Row, type Table, tableLines } from '../printers/table.ts'
import { expand, readObject, select, type Wanted } from '../selection.ts'
import { throwAll, UsageError } from '../usage-error.ts'
import type { ServedResource } from '../discovery.ts'
import { chunkSizeOf, type GetOptions, tableOptions, tablesOf } from './get-tables.ts'
import { watchObjects, watchTables } from './get-watch.ts'

/** `kvorum get`: tables as the server draws them, or whole objects. */
export async function get(
  context: CommandContext,
  args: readonly string[],
  options: GetOptions,
): Promise<void> {
  if (options.raw !== undefined) return getRaw(context, args, options.raw)
  const printer = printerOf(options)
  requireResource(args, options)
  const wanted = await select(context, args, options)
  if (options.subresource !== undefined && wanted.some(({ name }) => name === undefined))
    throw new UsageError('subresource cannot be used when bulk resources are specified')
  if (options.watch === true || options.watchOnly === true) {
    const [first] = wanted
    if (first === undefined || wanted.some(({ resource }) => resource !== first.resource)) {
      throw new UsageError(
        'watch is only supported on individual resources and resource collections - more than 1 resource was found',
      )
    }
    return printer === undefined
      ? watchTables(context, first, options)
      : watchObjects(context, first, { ...options, printer })
  }
  await (printer === undefined
    ? printTables(context, wanted, options)
    : printObjects(context, wanted, { ...options, printer }))
}

/** Undefined for tables. */
function printerOf(options: GetOptions) {
  return options.output === undefined || options.output === '' || options.output === 'wide'
    ? undefined
    : objectPrinter(options.output, options)
}

function requireResource(args: readonly string[], options: GetOptions): void {
  if (args.length > 0 || options.filename !== undefined || options.kustomize !== undefined) return
  throw new UsageError(
    "Required resource not specified.\nUse 'kvorum api-resources' for a complete list of supported resources.",
  )
}

async function getRaw(context: CommandContext, args: readonly string[], path: string): Promise<void> {
  if (args.length > 0) throw new UsageError('arguments may not be passed when --raw is specified')
  if (!path.startsWith('/')) throw new UsageError(`--raw takes a path such as /readyz, not "${path}"`)
  context.print(await context.api.text({ method: 'GET', path }))
}

interface TablePage {
  readonly wanted: Wanted
  readonly table: Table
}

async function printTables(
  context: CommandContext,
  wanted: readonly Wanted[],
  options: GetOptions,
): Promise<void> {
  const { groups, errors } = await readTables(context, wanted, options)
  const several = new Set(wanted.map(({ resource }) => resource)).size > 1
  const blocks = groups.map((group) => groupText(group, several, options)).filter((text) => text !== '')
  // Without column names an empty line would be one more thing to take apart.
  context.print(blocks.join(options.headers ? '\n' : ''))
  if (blocks.length === 0 && errors.length === 0 && options.ignoreNotFound !== true)
    context.error(noneFound(context, wanted, options))
  throwAll(errors)
}

/** Pages of the same resource that follow each other are one group: they share columns. */
async function readTables(
  context: CommandContext,
  wanted: readonly Wanted[],
  options: GetOptions,
): Promise<{ groups: TablePage[][]; errors: unknown[] }> {
  const errors: unknown[] = []
  const groups: TablePage[][] = []
  for (const one of wanted) {
    try {
      for await (const page of tablesOf(context, one, options)) {
        const last = groups.at(-1)
        if (last?.[0]?.wanted.resource === one.resource) last.push({ wanted: one, table: page })
        else groups.push([{ wanted: one, table: page }])
      }
    } catch (error) {
      if (!(options.ignoreNotFound === true && isNotFound(error))) errors.push(error)
    }
  }
  return { groups, errors }
}

function groupText(group: readonly TablePage[], several: boolean, options: GetOptions): string {
  const [first] = group
  if (first === undefined) return ''
  const format = tableOptions(first.wanted.resource, several, options)
  const columns = group.find(({ table: { columnDefinitions } }) => columnDefinitions?.length)?.table
    .columnDefinitions
  let rows: Row[] = group.flatMap((page) => page.table.rows ?? [])
  if (options.sortBy !== undefined) {
    rows = sortByPath(rows, options.sortBy, ({ object }) => (object ?? null) as JsonObject | null)
  }
  return alignTabs(tableLines(rows, columns ?? [], format), tableTabs)
}

async function printObjects(
  context: CommandContext,
  wanted: readonly Wanted[],
  options: GetOptions & { printer: (object: JsonObject) => string },
): Promise<void> {
  const errors: unknown[] = []
  let objects: JsonObject[] = []
  for (const one of wanted) {
    try {
      objects.push(...(await objectsOf(context, one, options)))
    } catch (error) {
      if (!(options.ignoreNotFound === true && isNotFound(error))) errors.push(error)
    }
  }
  if (options.sortBy !== undefined) objects = sortByPath(objects, options.sortBy, (object) => object)
  const [only] = objects
  const isSingle = wanted.length === 1 && wanted[0]?.name !== undefined
  const list = { apiVersion: 'v1', kind: 'List', metadata: { resourceVersion: '' }, items: objects }
  if (!isSingle || only !== undefined) context.print(options.printer(isSingle && only ? only : list))
  throwAll(errors)
}

async function objectsOf(
  context: CommandContext,
  wanted: Wanted,
  options: GetOptions,
): Promise<JsonObject[]> {
  const { resource, namespace, name } = wanted
  if (name !== undefined && options.subresource !== undefined)
    return [await readObject(context, { resource, namespace, name, subresource: options.subresource })]
  const found = await expand(context, wanted, { ...options, chunkSize: chunkSizeOf(options) })
  return found.map(({ object }) => object)
}

function noneFound(context: CommandContext, wanted: readonly Wanted[], options: GetOptions): string {
  const oneNamespace = options.allNamespaces !== true && wanted.every(({ resource }) => resource.namespaced)
  return oneNamespace ? `No resources found in ${context.namespace} namespace.` : 'No resources found'
}

/** The object of the context's namespace, for commands that work on one. */
export function getObject(
  context: CommandContext,
  resource: ServedResource,
  name: string,
): Promise<JsonObject> {
  return readObject(context, { resource, namespace: context.namespace, name })
}
