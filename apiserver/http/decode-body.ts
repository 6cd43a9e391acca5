import { isMap, isPair, isSeq, parseDocument, type Document, type Node, type Tags } from 'yaml'
import { badRequest, StatusError } from '../../apimachinery/status-error.ts'
import { isJsonObject, type Json, type JsonObject } from '../../crds/meta/json.ts'
import { decodeProtobuf, isProtobuf } from '../protobuf/decode.ts'
import { parseMediaType } from './media-types.ts'
import { scanJson } from './scan-json.ts'

export interface DecodedBody {
  readonly value: Json
  /** Fields given twice, for strict decoding; the last one won. */
  readonly duplicates: readonly string[]
}

type Format = 'json' | 'yaml' | 'protobuf'

const formats: Readonly<Record<string, Format>> = {
  'application/json': 'json',
  'application/yaml': 'yaml',
  'application/vnd.kubernetes.protobuf': 'protobuf',
  'application/apply-patch+yaml': 'yaml',
  'application/json-patch+json': 'json',
  'application/merge-patch+json': 'json',
  'application/strategic-merge-patch+json': 'json',
}

/** Deeper than any sensible object; keeps recursive code from running out of stack. */
const maxDepth = 512
const maxYamlAliases = 100

/** Decodes by Content-Type, or by looking at the bytes when there is none. Throws BadRequest or UnsupportedMediaType. */
export function decodeBody(body: Buffer, contentType: string | undefined): DecodedBody {
  switch (formatOf(body, contentType)) {
    case 'protobuf':
      return { value: decodeProtobuf(body), duplicates: [] }
    case 'yaml':
      return decodeYaml(textOf(body))
    case 'json':
      return decodeJson(textOf(body))
  }
}

/** As `decodeBody`, for a body that has to be an object. */
export function decodeObject(
  body: Buffer,
  contentType: string | undefined,
): { object: JsonObject; duplicates: readonly string[] } {
  const { value, duplicates } = decodeBody(body, contentType)
  if (!isJsonObject(value)) throw badRequest('the body of the request must be an object')
  return { object: value, duplicates }
}

function formatOf(body: Buffer, contentType: string | undefined): Format {
  if (contentType === undefined || contentType.trim() === '') {
    if (isProtobuf(body)) return 'protobuf'
    const first = body.toString('latin1', 0, 64).trimStart()[0]
    return first === '{' || first === '[' ? 'json' : 'yaml'
  }
  const format = formats[parseMediaType(contentType).type]
  if (format === undefined) {
    throw new StatusError(
      'UnsupportedMediaType',
      'the body of the request was in an unknown format - accepted media types include: ' +
        'application/json, application/yaml, application/vnd.kubernetes.protobuf',
    )
  }
  return format
}

function textOf(body: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body)
  } catch {
    throw badRequest('the body of the request is not valid UTF-8')
  }
}

function decodeJson(text: string): DecodedBody {
  const { duplicates, depth } = scanJson(text)
  if (depth > maxDepth) throw tooDeep()
  let value: Json
  try {
    value = JSON.parse(text) as Json
  } catch (error) {
    throw badRequest(`the body of the request is not valid JSON: ${(error as Error).message}`)
  }
  // An own key of this name turns into a prototype change as soon as somebody assigns it.
  if (text.includes('__proto__') || text.includes('\\u00')) refuseProto(value)
  return { value, duplicates }
}

function refuseProto(root: Json): void {
  const open: unknown[] = [root]
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    if (typeof value !== 'object' || value === null) continue
    if (Object.hasOwn(value, '__proto__')) throw badRequest('the field name "__proto__" is not allowed')
    for (const inner of Object.values(value)) if (inner !== undefined) open.push(inner)
  }
}

function tooDeep(): StatusError {
  return badRequest(`the body of the request nests deeper than ${maxDepth} levels`)
}

function decodeYaml(text: string): DecodedBody {
  // JSON is YAML, and what kubectl sends under this type.
  if (/^\s*[{[]/.test(text)) {
    try {
      return decodeJson(text)
    } catch (error) {
      if (error instanceof StatusError && !error.message.includes('not valid JSON')) throw error
    }
  }
  refuseDeepYaml(text)
  const document = parseDocument(text, {
    version: '1.1',
    uniqueKeys: false,
    logLevel: 'silent',
    customTags: jsonTags,
  })
  const [problem] = document.errors
  if (problem) throw badRequest(`error parsing YAML: ${problem.message.split('\n')[0]}`)
  let value: Json
  try {
    value = document.toJS({ maxAliasCount: maxYamlAliases }) as Json
  } catch (error) {
    throw badRequest(`error parsing YAML: ${(error as Error).message}`)
  }
  refuseProto(value)
  return { value: plainJson(value), duplicates: yamlDuplicates(document) }
}

/** JSON has no times, bytes or ordered maps: what looks like a time stays text. */
function jsonTags(tags: Tags): Tags {
  const others = /:(timestamp|binary|omap|pairs|set)$/
  return tags.filter((tag) => typeof tag === 'string' || !others.test(tag.tag))
}

/** Flow collections are the only cheap way to nest deep in YAML; block style needs a growing indent. */
function refuseDeepYaml(text: string): void {
  let open = 0
  for (const character of text) {
    if (character === '{' || character === '[') open++
    else if (character === '}' || character === ']') open--
    if (open > maxDepth) throw tooDeep()
  }
  const longest = /^ {2000}|^(?:- ?){500}/m
  if (longest.test(text)) throw tooDeep()
}

/** Map keys become strings, as a YAML to JSON conversion makes them. */
function plainJson(value: Json): Json {
  return JSON.parse(JSON.stringify(value)) as Json
}

function yamlDuplicates(document: Document): string[] {
  const found: string[] = []
  const visit = (node: unknown, path: string): void => {
    if (isSeq(node)) node.items.forEach((item, index) => visit(item, `${path}[${index}]`))
    if (!isMap(node)) return
    const seen = new Set<string>()
    for (const pair of node.items) {
      if (!isPair(pair)) continue
      const name = String((pair.key as Node | null)?.toJSON?.() ?? pair.key)
      const inner = path === '' ? name : `${path}.${name}`
      if (seen.has(name)) found.push(inner)
      seen.add(name)
      visit(pair.value, inner)
    }
  }
  visit(document.contents, '')
  return found
}
