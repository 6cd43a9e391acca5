import { isJsonObject, type Json, type JsonObject } from '../../crds/meta/json.ts'
import type { ServedResource } from '../discovery.ts'
import { text } from '../object-metadata.ts'
import type { OpenApiSchemas } from '../open-api-schemas.ts'
import { harmless } from './go-text.ts'
import { byCodePoint } from './json.ts'

export interface Explanation {
  readonly resource: ServedResource
  readonly schemas: OpenApiSchemas
  readonly schema: JsonObject
  /** Name of the field; undefined for the kind itself. */
  readonly field: string | undefined
  /** Every field below without its description, instead of the next ones with it. */
  readonly recursive: boolean
}

const width = 80
// Schemas may contain themselves.
const maxDepth = 20

/** What `kubectl explain` prints of a kind or a field. */
export function formatExplanation(explanation: Explanation): string {
  const { resource, schemas, schema, field, recursive } = explanation
  const resolved = schemas.resolve(schema)
  const lines = [
    ...(resource.group === '' ? [] : [`GROUP:      ${resource.group}`]),
    `KIND:       ${resource.kind}`,
    `VERSION:    ${resource.version}`,
    '',
  ]
  if (field !== undefined) {
    const values = enumOf(resolved).map((value) => `    ${value}`)
    lines.push(
      `FIELD: ${field} <${schemas.typeOf(schema)}>`,
      ...(values.length > 0 ? ['ENUM:', ...values] : ['']),
      '',
    )
  }
  const descriptions = schemas.descriptions(schema)
  lines.push(
    'DESCRIPTION:',
    ...(descriptions.length === 0 ? ['<empty>'] : descriptions).flatMap((one) => wrap(one, 4)),
    '    ',
  )
  const fields = recursive ? nestedFields(schemas, schema, 0) : describedFields(schemas, schema)
  if (fields.length > 0) lines.push('FIELDS:', ...fields)
  return harmless(`${lines.join('\n')}\n\n`)
}

function descriptionLines(schema: JsonObject): string[] {
  return wrap(text(schema['description']) || '<empty>', 4)
}

function describedFields(schemas: OpenApiSchemas, schema: JsonObject): string[] {
  return fieldsBelow(schemas, schema).flatMap(({ head, enumLine, field }) => [
    `  ${head}`,
    ...(enumLine === undefined ? [] : [`  ${enumLine}`]),
    ...descriptionLines(schemas.resolve(field)),
    '',
  ])
}

function nestedFields(schemas: OpenApiSchemas, schema: JsonObject, depth: number): string[] {
  const indent = '  '.repeat(depth + 1)
  return fieldsBelow(schemas, schema).flatMap(({ head, enumLine, field }) => [
    `${indent}${head}`,
    ...(enumLine === undefined ? [] : [`${indent}${enumLine}`]),
    ...(depth < maxDepth ? nestedFields(schemas, field, depth + 1) : []),
  ])
}

function fieldsBelow(schemas: OpenApiSchemas, schema: JsonObject) {
  const required = schemas.required(schema)
  return Object.entries(schemas.properties(schema))
    .toSorted(([a], [b]) => byCodePoint(a, b))
    .flatMap(([name, field]) => {
      if (!isJsonObject(field)) return []
      const mark = required.includes(name) ? ' -required-' : ''
      const head = `${name}\t<${schemas.typeOf(field)}>${mark}`
      return [{ head, enumLine: enumLineOf(schemas.resolve(field)), field }]
    })
}

const shownValues = 4

function enumLineOf(schema: JsonObject): string | undefined {
  const values = enumOf(schema)
  if (values.length === 0) return undefined
  const more = values.length > shownValues ? ', ....' : ''
  return `enum: ${values.slice(0, shownValues).join(', ')}${more}`
}

function enumOf(schema: JsonObject): string[] {
  const values = schema['enum']
  return Array.isArray(values) ? values.map(enumText) : []
}

function enumText(value: Json): string {
  return value === '' ? '""' : typeof value === 'string' ? value : JSON.stringify(value)
}

/** Breaks paragraphs at spaces so that no line gets wider than a terminal of old. */
function wrap(text: string, indent: number): string[] {
  const space = ' '.repeat(indent)
  return text.split('\n').flatMap((paragraph) => {
    const lines: string[] = []
    let line = ''
    for (const word of paragraph.split(/\s+/).filter(Boolean)) {
      if (line !== '' && line.length + 1 + word.length > width - indent) {
        lines.push(line)
        line = word
      } else line = line === '' ? word : `${line} ${word}`
    }
    return [...lines, line].map((one) => `${space}${one}`.trimEnd())
  })
}
