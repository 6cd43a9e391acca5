import { z } from 'zod'
import { texts } from '../object-metadata.ts'

/** `meta.k8s.io/v1` Table as the server sends it. */
export const table = z.object({
  kind: z.literal('Table'),
  columnDefinitions: z
    .array(
      z.object({
        name: z.string(),
        type: z.string(),
        format: z.string().optional(),
        priority: z.number().optional(),
      }),
    )
    .nullish(),
  rows: z
    .array(
      z.object({
        cells: z.array(z.unknown()),
        object: z
          .looseObject({
            metadata: z.looseObject({
              name: z.string(),
              namespace: z.string().optional(),
              labels: z.record(z.string(), z.string()).nullish(),
            }),
          })
          .nullish(),
      }),
    )
    .nullish(),
})
export type Table = z.infer<typeof table>
export type ColumnDefinitions = NonNullable<Table['columnDefinitions']>
export type Row = NonNullable<Table['rows']>[number]

export interface TableOptions {
  readonly wide: boolean
  /** A column in front that tells objects of several namespaces apart. */
  readonly withNamespace: boolean
  readonly headers: boolean
  /** `virtualmachine.kvorum.dev/` in front of names, when several resources are printed. */
  readonly namePrefix?: string
  /** A column for each of these labels. */
  readonly labelColumns?: readonly string[]
  /** A column with all labels. */
  readonly showLabels?: boolean
  /** What happened to each row, for watches that tell it. */
  readonly event?: string
}

/** The lines of a Table with tabs between cells, to be aligned together with others. Nothing for no rows. */
export function tableLines(rows: readonly Row[], columns: ColumnDefinitions, options: TableOptions): string {
  if (rows.length === 0) return ''
  const shown = columns
    .map(({ priority, name, format }, at) => ({
      at,
      name,
      format,
      show: options.wide || (priority ?? 0) === 0,
    }))
    .filter(({ show }) => show)
  const nameAt = shown.findIndex(({ format }) => format === 'name')
  const lines = rows.map((row) => {
    const cells = shown.map(({ at }) => formatCell(row.cells[at]))
    if (options.namePrefix !== undefined && nameAt >= 0)
      cells[nameAt] = `${options.namePrefix}${cells[nameAt] ?? ''}`
    return surround(row, cells, options)
  })
  const headers = options.headers
    ? [
        headerLine(
          shown.map(({ name }) => name),
          options,
        ),
      ]
    : []
  return [...headers, ...lines].map((cells) => `${cells.join('\t')}\n`).join('')
}

function headerLine(names: readonly string[], options: TableOptions): string[] {
  return [
    ...(options.event === undefined ? [] : ['EVENT']),
    ...(options.withNamespace ? ['NAMESPACE'] : []),
    ...names.map((name) => name.toUpperCase()),
    ...(options.labelColumns ?? []).map((label) => (label.split('/').at(-1) ?? '').toUpperCase()),
    ...(options.showLabels === true ? ['LABELS'] : []),
  ]
}

function surround(row: Row, cells: readonly string[], options: TableOptions): string[] {
  const metadata = row.object?.metadata
  const labels = texts(metadata?.labels ?? undefined)
  return [
    ...(options.event === undefined ? [] : [options.event.padEnd(10)]),
    ...(options.withNamespace ? [metadata?.namespace ?? ''] : []),
    ...cells,
    ...(options.labelColumns ?? []).map((label) => labels[label] ?? ''),
    ...(options.showLabels === true ? [formatLabels(labels)] : []),
  ]
}

/** `a=b,c=d`, or `<none>`. */
export function formatLabels(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([key, value]) => `${key}=${value}`)
  return pairs.length === 0 ? '<none>' : pairs.toSorted().join(',')
}

function formatCell(cell: unknown): string {
  if (cell === null || cell === undefined) return ''
  const text = typeof cell === 'string' ? cell : JSON.stringify(cell)
  const end = text.search(/[\f\n\r]/)
  // A terminal must not be driven by what an object contains.
  return (end === -1 ? text : `${text.slice(0, end)}...`).replaceAll('\x1b', '^[').replaceAll(/\p{Cc}/gu, ' ')
}
