import type { JsonPath } from '../../apimachinery/json-path.ts'
import type { Json } from '../../crds/meta/json.ts'
import { UsageError } from '../usage-error.ts'
import { goText, harmless } from './go-text.ts'
import { compileRelaxedPath } from './json-path-template.ts'

/** A column of `-o custom-columns`. */
export interface CustomColumn {
  readonly header: string
  readonly path: JsonPath
}

/** Reads `NAME:.metadata.name,HOST:.status.host`. Throws UsageError or JsonPathError. */
export function parseCustomColumns(spec: string): CustomColumn[] {
  if (spec === '') throw new UsageError('custom-columns format specified but no custom columns given')
  return splitOutside(spec).map((part) => {
    const at = part.indexOf(':')
    if (at === -1)
      throw new UsageError(`unexpected custom-columns spec: ${part}, expected <header>:<json-path-expr>`)
    return { header: part.slice(0, at), path: compileRelaxedPath(part.slice(at + 1)) }
  })
}

/** Reads a file with the headers in its first line and the paths in its second. Throws UsageError or JsonPathError. */
export function parseCustomColumnsFile(text: string): CustomColumn[] {
  const [headers = [], paths = []] = text.split('\n').map((line) => line.trim().split(/\s+/))
  if (headers.length !== paths.length)
    throw new UsageError(
      `number of headers (${headers.length}) and field specifications (${paths.length}) don't match`,
    )
  return headers.map((header, at) => ({ header, path: compileRelaxedPath(paths[at] ?? '') }))
}

/** One line with tabs between the cells. */
export function customColumnsLine(columns: readonly CustomColumn[], object: Json): string {
  const cells = columns.map(({ path }) => {
    const values = path(object)
    return values.length === 0 ? '<none>' : values.map((value) => harmless(goText(value))).join(',')
  })
  return `${cells.join('\t')}\n`
}

/** At commas, but not at those inside brackets and quotes of a path. */
function splitOutside(spec: string): string[] {
  return [...spec.matchAll(/(?:\[[^\]]*\]|"[^"]*"|'[^']*'|[^,[])+/g)].map(([part]) => part)
}
