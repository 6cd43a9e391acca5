import { readFileSync } from 'node:fs'
import { isJsonObject, type Json, type JsonObject } from '../../crds/meta/json.ts'
import { identityOf, text, withoutManagedFields } from '../object-metadata.ts'
import { UsageError } from '../usage-error.ts'
import {
  type CustomColumn,
  customColumnsLine,
  parseCustomColumns,
  parseCustomColumnsFile,
} from './custom-columns.ts'
import { formatJson } from './json.ts'
import { compileTemplate } from './json-path-template.ts'
import { alignTabs, tableTabs } from './tab-writer.ts'
import { formatYaml } from './yaml.ts'

/** Text for an object or for a `List` of them. One printer prints everything that a command prints. */
export type ObjectPrinter = (object: JsonObject) => string

export interface PrinterOptions {
  /** Keep `metadata.managedFields` in YAML and JSON. */
  readonly showManagedFields?: boolean
  /** Column names over custom columns; default true. */
  readonly headers?: boolean
}

type MakePrinter = (argument: string, options: PrinterOptions) => ObjectPrinter

const formats: Readonly<Record<string, MakePrinter>> = {
  json: (_, options) => (object) => `${formatJson(printable(object, options))}\n`,
  yaml: (_, options) => yamlPrinter(options),
  name: () => (object) =>
    itemsIn(object)
      .map((item) => `${nameOf(item)}\n`)
      .join(''),
  jsonpath: (template) => jsonPathPrinter(template),
  'jsonpath-file': (file) => jsonPathPrinter(fileText(file)),
  'jsonpath-as-json': (template) => jsonPathAsJson(template),
  'custom-columns': (spec, options) => columnsPrinter(parseCustomColumns(spec), options),
  'custom-columns-file': (file, options) => columnsPrinter(parseCustomColumnsFile(fileText(file)), options),
}

/** The words that `-o` takes; with `=`, those that need something after it. */
export const outputFormats: readonly string[] = Object.keys(formats)

const withArgument = /^(?:jsonpath|custom-columns)/

/** The printer for what stands after `-o`. Throws UsageError for what is not offered, JsonPathError for a bad path. */
export function objectPrinter(output: string, options: PrinterOptions = {}): ObjectPrinter {
  const at = output.indexOf('=')
  const format = at === -1 ? output : output.slice(0, at)
  const argument = at === -1 ? '' : output.slice(at + 1)
  if (/^(?:go-)?template/.test(format)) {
    throw new UsageError(`${format} is not offered: use jsonpath=… or custom-columns=…`)
  }
  const make = Object.hasOwn(formats, format) ? formats[format] : undefined
  if (make === undefined || (argument !== '' && !withArgument.test(format))) {
    throw new UsageError(
      `unable to match a printer suitable for the output format ${JSON.stringify(output)}, ` +
        `allowed formats are: ${[...outputFormats, 'wide'].toSorted().join(',')}`,
    )
  }
  if (argument === '' && withArgument.test(format))
    throw new UsageError(`-o ${format} needs something after it: -o ${format}=…`)
  return make(argument, options)
}

/** `virtualmachine.kvorum.dev/web` */
export function nameOf(object: JsonObject): string {
  const [group = '', version] = text(object['apiVersion']).split('/')
  const kind = text(object['kind']).toLowerCase()
  return `${kind}${version === undefined ? '' : `.${group}`}/${identityOf(object).name}`
}

function yamlPrinter(options: PrinterOptions): ObjectPrinter {
  let printed = 0
  return (object) => `${printed++ > 0 ? '---\n' : ''}${formatYaml(printable(object, options))}`
}

function jsonPathPrinter(template: string): ObjectPrinter {
  const render = compileTemplate(template)
  return (object) => {
    try {
      return render(object)
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      throw new UsageError(`error executing jsonpath ${JSON.stringify(template)}: ${why}`)
    }
  }
}

/** All that the path finds, as one JSON list. */
function jsonPathAsJson(template: string): ObjectPrinter {
  const columns = parseCustomColumns(`found:${template}`)
  return (object) => `${formatJson(columns.flatMap(({ path }) => path(object)))}\n`
}

function columnsPrinter(columns: readonly CustomColumn[], { headers = true }: PrinterOptions): ObjectPrinter {
  const remembered: number[] = []
  let first = headers
  return (object) => {
    const head = first ? `${columns.map(({ header }) => header).join('\t')}\n` : ''
    first = false
    const lines = itemsIn(object).map((item) => customColumnsLine(columns, item))
    return alignTabs(head + lines.join(''), { ...tableTabs, remembered })
  }
}

function printable(object: JsonObject, { showManagedFields }: PrinterOptions): Json {
  if (showManagedFields === true) return object
  if (!isList(object)) return withoutManagedFields(object)
  return { ...object, items: itemsIn(object).map(withoutManagedFields) }
}

function isList(object: JsonObject): boolean {
  return object['kind'] === 'List' && Array.isArray(object['items'])
}

function itemsIn(object: JsonObject): JsonObject[] {
  const items = object['items']
  return isList(object) && Array.isArray(items) ? items.filter(isJsonObject) : [object]
}

function fileText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    throw new UsageError(`error reading --template ${file}: the file cannot be read`)
  }
}
