import { z } from 'zod'
import { formatColumns } from './columns.ts'

/** `meta.k8s.io/v1` Table as the server sends it. */
export const table = z.object({
  kind: z.literal('Table'),
  columnDefinitions: z
    .array(z.object({ name: z.string(), type: z.string(), priority: z.number().optional() }))
    .optional(),
  rows: z
    .array(
      z.object({
        cells: z.array(z.unknown()),
        object: z
          .looseObject({ metadata: z.looseObject({ name: z.string(), namespace: z.string().optional() }) })
          .optional(),
      }),
    )
    .nullish(),
})
export type Table = z.infer<typeof table>

export interface TableOptions {
  readonly wide: boolean
  /** A column in front that tells objects of several namespaces apart. */
  readonly withNamespace: boolean
  readonly headers: boolean
  /** `virtualmachine.kvorum.dev/` in front of names, when several resources are printed. */
  readonly namePrefix?: string
}

/** The lines that kubectl would print for a Table. */
export function formatTable(
  table: Table,
  columns: Table['columnDefinitions'],
  options: TableOptions,
): string {
  const shown = (columns ?? [])
    .map(({ priority }, at) => ({ at, show: options.wide || (priority ?? 0) === 0 }))
    .filter(({ show }) => show)
  const header = shown.map(({ at }) => columns?.[at]?.name.toUpperCase() ?? '')
  const rows = (table.rows ?? []).map((row) => {
    const cells = shown.map(({ at }) => formatCell(row.cells[at]))
    if (options.namePrefix !== undefined) cells[0] = `${options.namePrefix}${cells[0] ?? ''}`
    return options.withNamespace ? [row.object?.metadata.namespace ?? '', ...cells] : cells
  })
  return formatColumns([
    ...(options.headers ? [options.withNamespace ? ['NAMESPACE', ...header] : header] : []),
    ...rows,
  ])
}

function formatCell(cell: unknown): string {
  if (cell === null || cell === undefined) return '<none>'
  const text = typeof cell === 'string' ? cell : JSON.stringify(cell)
  // A terminal must not be driven by what an object contains.
  return text === '' ? '<none>' : text.replaceAll(/\p{Cc}/gu, ' ')
}
