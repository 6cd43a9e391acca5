import { isJsonObject } from '../../crds/meta/json.ts'
import type { CommandContext } from '../context.ts'
import { pathOf, qualifiedSingular, type ServedResource } from '../discovery.ts'
import { type Table, table, type TableOptions } from '../printers/table.ts'
import { pagesOf, type SelectionOptions, type Wanted } from '../selection.ts'
import { UsageError } from '../usage-error.ts'

export interface GetOptions extends SelectionOptions {
  readonly output?: string
  readonly watch?: boolean
  readonly watchOnly?: boolean
  readonly outputWatchEvents?: boolean
  readonly headers: boolean
  readonly sortBy?: string
  readonly showLabels?: boolean
  readonly labelColumns?: readonly string[]
  readonly showKind?: boolean
  readonly ignoreNotFound?: boolean
  /** Objects per request; `0` asks for all at once. */
  readonly chunkSize?: string
  readonly showManagedFields?: boolean
  readonly subresource?: string
  readonly raw?: string
}

export const tableType = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json'

/** The pages of a list, or the one table of one object. */
export async function* tablesOf(
  context: CommandContext,
  wanted: Wanted,
  options: GetOptions,
): AsyncGenerator<Table & { readonly resourceVersion: string }> {
  const pages =
    wanted.name === undefined
      ? pagesOf(context, wanted, {
          ...options,
          chunkSize: chunkSizeOf(options),
          accept: tableType,
          ...includeObject(options),
        })
      : single(context, wanted, options)
  for await (const page of pages) {
    const { success, data } = table.safeParse(page)
    if (!success) throw new UsageError(`the server does not draw tables of ${wanted.resource.plural}`)
    yield { ...data, resourceVersion: resourceVersionIn(page) }
  }
}

async function* single(
  context: CommandContext,
  { resource, namespace, name }: Wanted,
  options: GetOptions,
): AsyncGenerator<unknown> {
  yield await context.api.json({
    method: 'GET',
    path: pathOf(resource, { namespace, name, subresource: options.subresource }),
    query: includeObject(options).query,
    accept: tableType,
  })
}

/** Sorting looks at whole objects, which the server leaves out of tables unless it is asked for them. */
function includeObject({ sortBy }: GetOptions) {
  return { query: sortBy === undefined ? {} : { includeObject: 'Object' } }
}

function resourceVersionIn(page: unknown): string {
  const metadata = isJsonObject(page) && isJsonObject(page['metadata']) ? page['metadata'] : {}
  return typeof metadata['resourceVersion'] === 'string' ? metadata['resourceVersion'] : ''
}

/** How tables of a resource are drawn; `several` when other resources stand beside it. */
export function tableOptions(resource: ServedResource, several: boolean, options: GetOptions): TableOptions {
  return {
    wide: options.output === 'wide',
    withNamespace: options.allNamespaces === true && resource.namespaced,
    headers: options.headers,
    ...((several || options.showKind === true) && { namePrefix: `${qualifiedSingular(resource)}/` }),
    ...(options.labelColumns !== undefined && {
      labelColumns: options.labelColumns.flatMap((labels) => labels.split(',')),
    }),
    ...(options.showLabels === true && { showLabels: true }),
  }
}

export function chunkSizeOf({ chunkSize = '500' }: GetOptions): number {
  if (!/^\d+$/.test(chunkSize)) throw new UsageError(`--chunk-size takes a number, not "${chunkSize}"`)
  return Number(chunkSize)
}
