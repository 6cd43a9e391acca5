export interface TabOptions {
  readonly minWidth: number
  readonly padding: number
  /** Widths of the columns so far: later text is at least as wide. Grows with each call. */
  readonly remembered?: number[]
}

/** Like kubectl's tables: three spaces between columns. */
export const tableTabs: TabOptions = { minWidth: 6, padding: 3 }
/** Like kubectl's descriptions: two spaces between columns. */
export const descriptionTabs: TabOptions = { minWidth: 0, padding: 2 }

type Lines = readonly (readonly string[])[]

/**
 * Aligns text by its tabs: consecutive lines that have a cell in a column share that column's width, and what follows
 * the last tab of a line belongs to no column (elastic tabstops, as Go's `text/tabwriter` does it).
 */
export function alignTabs(text: string, options: TabOptions): string {
  if (text === '') return ''
  const complete = text.endsWith('\n')
  const lines = (complete ? text.slice(0, -1) : text).split('\n').map((line) => line.split('\t'))
  return alignBlock(lines, [], options).join('\n') + (complete ? '\n' : '')
}

function alignBlock(lines: Lines, widths: readonly number[], options: TabOptions): string[] {
  const column = widths.length
  const done: string[] = []
  for (let at = 0; at < lines.length;) {
    const end = endOfBlock(lines, at, column)
    if (end === at) {
      done.push(formatLine(lines[at] ?? [], widths))
      at += 1
      continue
    }
    const block = lines.slice(at, end)
    done.push(...alignBlock(block, [...widths, widthOf(block, column, options)], options))
    at = end
  }
  return done
}

/** The first line from `start` on that has no cell in the column. */
function endOfBlock(lines: Lines, start: number, column: number): number {
  let end = start
  while (end < lines.length && column < (lines[end]?.length ?? 0) - 1) end += 1
  return end
}

function widthOf(block: Lines, column: number, { minWidth, padding, remembered }: TabOptions): number {
  const wanted = block.map((line) => lengthOf(line[column] ?? '') + padding)
  const width = Math.max(minWidth, remembered?.[column] ?? 0, ...wanted)
  if (remembered !== undefined) remembered[column] = width
  return width
}

function formatLine(cells: readonly string[], widths: readonly number[]): string {
  return cells
    .map((cell, at) => {
      const width = widths[at]
      return width === undefined ? cell : cell + ' '.repeat(Math.max(0, width - lengthOf(cell)))
    })
    .join('')
}

/** In characters, not in UTF-16 units. */
function lengthOf(text: string): number {
  return /^[\0-\x7f]*$/.test(text) ? text.length : Array.from(text).length
}
