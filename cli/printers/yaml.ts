import { isJsonObject, type Json, type JsonObject } from '../../crds/meta/json.ts'
import { byYamlKey } from './yaml-keys.ts'
import { formatScalarText } from './yaml-scalar.ts'

/*
 * The `yaml` package reads manifests; it does not write them here, because kubectl's habits (where long lines are
 * broken, which texts are quoted and how) are not among its options, and a diff between the two should be empty.
 */

/** YAML as kubectl prints it: keys sorted, lists at the level of their key, and quotes only where they are needed. */
export function formatYaml(value: Json): string {
  if (isEmpty(value) || typeof value !== 'object' || value === null) return `${scalar(value, 0, 0)}\n`
  return `${linesOf(value, 0).join('\n')}\n`
}

function linesOf(value: Json[] | JsonObject, indent: number): string[] {
  return Array.isArray(value) ? listLines(value, indent) : objectLines(value, indent)
}

function objectLines(object: JsonObject, indent: number): string[] {
  return Object.keys(object)
    .filter((key) => object[key] !== undefined)
    .toSorted(byYamlKey)
    .flatMap((key) => {
      const value = object[key] ?? null
      const head = `${' '.repeat(indent)}${formatScalarText(key, { indent, column: indent, isKey: true })}:`
      if (isEmpty(value) || typeof value !== 'object' || value === null)
        return [`${head} ${scalar(value, indent, head.length + 1)}`]
      return [head, ...linesOf(value, Array.isArray(value) ? indent : indent + 2)]
    })
}

function listLines(list: readonly Json[], indent: number): string[] {
  const dash = `${' '.repeat(indent)}- `
  return list.flatMap((item) => {
    if (isEmpty(item) || typeof item !== 'object' || item === null)
      return [dash + scalar(item, indent, dash.length)]
    // The first line of what is below stands behind the dash.
    const [first = '', ...rest] = linesOf(item, indent + 2)
    return [dash + first.slice(indent + 2), ...rest]
  })
}

function isEmpty(value: Json): boolean {
  return Array.isArray(value) ? value.length === 0 : isJsonObject(value) && Object.keys(value).length === 0
}

function scalar(value: Json, indent: number, column: number): string {
  if (typeof value === 'string') return formatScalarText(value, { indent, column, isKey: false })
  if (Array.isArray(value)) return '[]'
  return isJsonObject(value) ? '{}' : String(value)
}
