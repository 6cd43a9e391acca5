import { isMap, isPair, isSeq, parseDocument, type Document, type Node, type Tags } from 'yaml'
import { badRequest } from '../../apimachinery/status-error.ts'
import type { Json } from '../../crds/meta/json.ts'
import { maxDepth, refuseProto, tooDeep } from './refuse-body.ts'

export interface DecodedBody {
  readonly value: Json
  /** Fields given twice, for strict decoding; the last one won. */
  readonly duplicates: readonly string[]
}

const maxYamlAliases = 100

/** Throws BadRequest. */
export function decodeYamlText(text: string): DecodedBody {
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
