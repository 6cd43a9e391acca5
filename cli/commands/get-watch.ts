import { sleep } from '../../apimachinery/clock.ts'
import { StatusError } from '../../apimachinery/status-error.ts'
import { isJsonObject, type JsonObject } from '../../crds/meta/json.ts'
import type { CommandContext } from '../context.ts'
import { apiVersionOf, pathOf } from '../discovery.ts'
import { identityOf, text } from '../object-metadata.ts'
import type { ObjectPrinter } from '../printers/object-printer.ts'
import { alignTabs, tableTabs } from '../printers/tab-writer.ts'
import { type ColumnDefinitions, type Table, table, tableLines } from '../printers/table.ts'
import { itemsOf, pagesOf, type Wanted } from '../selection.ts'
import { type GetOptions, tablesOf, tableOptions, tableType } from './get-tables.ts'

/** `get -w` as a table: what is there, then a line for each change, with columns that never get narrower. */
export async function watchTables(
  context: CommandContext,
  wanted: Wanted,
  options: GetOptions,
): Promise<void> {
  const format = tableOptions(wanted.resource, false, options)
  const remembered: number[] = []
  let columns: ColumnDefinitions = []
  let headers = options.headers
  const show = ({ columnDefinitions, rows }: Table, event: string) => {
    if (columnDefinitions?.length) columns = columnDefinitions
    const eventColumn = options.outputWatchEvents === true ? { event } : {}
    const lines = tableLines(rows ?? [], columns, { ...format, headers, ...eventColumn })
    if (lines !== '') headers = false
    context.print(alignTabs(lines, { ...tableTabs, remembered }))
  }
  let resourceVersion = ''
  for await (const page of tablesOf(context, wanted, options)) {
    if (options.watchOnly !== true) show(page, 'ADDED')
    resourceVersion = page.resourceVersion
    columns = page.columnDefinitions ?? columns
  }
  for await (const { type, object } of eventsFrom(context, wanted, {
    ...options,
    resourceVersion,
    accept: tableType,
  })) {
    show(table.parse(object), type)
  }
}

/** `get -w -o yaml` and the like: each object as it is, then as it becomes. */
export async function watchObjects(
  context: CommandContext,
  wanted: Wanted,
  options: GetOptions & { readonly printer: ObjectPrinter },
): Promise<void> {
  const show = (object: JsonObject, type: string) => {
    const event = { type, object }
    context.print(options.printer(options.outputWatchEvents === true ? event : object))
  }
  let resourceVersion = ''
  // A list of one: its version is where the watch begins.
  const selectors = {
    ...(options.selector !== undefined && { selector: options.selector }),
    ...oneOnly(wanted, options),
  }
  const list = pagesOf(context, { ...wanted, name: undefined }, selectors)
  for await (const page of list) {
    resourceVersion = identityOf(page).resourceVersion
    if (options.watchOnly === true) continue
    for (const object of itemsOf(page, wanted.resource)) show(object, 'ADDED')
  }
  for await (const { type, object } of eventsFrom(context, wanted, { ...options, resourceVersion })) {
    show({ apiVersion: apiVersionOf(wanted.resource), kind: wanted.resource.kind, ...object }, type)
  }
}

interface EventsOptions {
  readonly selector?: string
  readonly fieldSelector?: string
  readonly resourceVersion: string
  readonly accept?: string
}

interface Event {
  readonly type: string
  readonly object: JsonObject
}

// A server that ends every watch at once is not asked in a loop.
const betweenWatchesMs = 1_000

/**
 * What happens to the objects from a version on, until the context's signal: a watch that the server ends is taken up
 * where it was. Throws the StatusError that a watch tells.
 */
export async function* eventsFrom(
  context: CommandContext,
  wanted: Wanted,
  options: EventsOptions,
): AsyncGenerator<Event> {
  let { resourceVersion } = options
  while (!context.signal.aborted) {
    const lines = context.api.lines({
      method: 'GET',
      path: pathOf(wanted.resource, { namespace: wanted.namespace }),
      query: {
        watch: 'true',
        allowWatchBookmarks: 'true',
        resourceVersion,
        labelSelector: options.selector,
        fieldSelector: oneOnly(wanted, options).fieldSelector,
      },
      ...(options.accept !== undefined && { accept: options.accept }),
      signal: context.signal,
    })
    for await (const line of lines) {
      if (!isJsonObject(line) || !isJsonObject(line['object'])) continue
      const { object } = line
      const type = text(line['type'])
      if (type === 'ERROR') throw new StatusError('Expired', text(object['message']))
      resourceVersion = versionIn(object) || resourceVersion
      if (type !== 'BOOKMARK') yield { type, object }
    }
    if (!context.signal.aborted) await sleep(context.clock, betweenWatchesMs, context.signal)
  }
}

/** Of an object, of a table, or of the object in a table's row. */
function versionIn(object: JsonObject): string {
  const own = identityOf(object).resourceVersion
  if (own !== '' || !Array.isArray(object['rows'])) return own
  const row = object['rows'].at(-1)
  return isJsonObject(row) ? identityOf(row['object']).resourceVersion : ''
}

function oneOnly(
  { name }: Pick<Wanted, 'name'>,
  { fieldSelector }: { readonly fieldSelector?: string },
): { fieldSelector?: string } {
  const selectors = [fieldSelector, name === undefined ? undefined : `metadata.name=${name}`]
  const joined = selectors.filter((selector) => selector !== undefined && selector !== '').join(',')
  return joined === '' ? {} : { fieldSelector: joined }
}
