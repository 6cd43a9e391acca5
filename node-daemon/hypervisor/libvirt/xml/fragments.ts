import { XMLParser } from 'fast-xml-parser'
import { HypervisorError } from '../../hypervisor.ts'
import type { XmlElement } from './element.ts'
import { element } from './element.ts'

const parser = new XMLParser({
  preserveOrder: true,
  ignoreAttributes: false,
  attributeNamePrefix: '',
  parseTagValue: false,
  parseAttributeValue: false,
  ignoreDeclaration: true,
  ignorePiTags: true,
  trimValues: true,
  maxNestedTags: 20,
})

type Node = Readonly<Record<string, unknown>>

/**
 * One device element as a user wrote it, read into the same form as our own, so that it is escaped like ours and
 * cannot break out of its place. Throws an `invalid` HypervisorError for what is not exactly one element.
 */
export function fragment(xml: string): XmlElement {
  if (/<!DOCTYPE|<!\[CDATA\[/i.test(xml)) throw invalid('it has a document type or CDATA')
  // The reader drops text outside of elements without a word.
  if (!/^<[\s\S]*>$/.test(xml.trim())) throw invalid('it is not one element')
  let nodes: unknown
  try {
    nodes = parser.parse(xml, true)
  } catch (cause) {
    throw invalid('it is not XML', cause)
  }
  const [root, ...others] = Array.isArray(nodes) ? (nodes as Node[]) : []
  if (root === undefined || others.length > 0 || '#text' in root) throw invalid('it is not one element')
  const built = build(root)
  if (typeof built === 'string') throw invalid('it is not one element')
  return built
}

function build(node: Node): XmlElement | string {
  if ('#text' in node) return String(node['#text'])
  const name = Object.keys(node).find((key) => key !== ':@')
  if (name === undefined) throw invalid('an element has no name')
  const children = node[name]
  return element(
    name,
    (node[':@'] ?? {}) as Record<string, string>,
    Array.isArray(children) ? (children as Node[]).map(build) : [],
  )
}

function invalid(why: string, cause?: unknown): HypervisorError {
  return new HypervisorError('invalid', `a fragment of libvirt's XML cannot be used: ${why}`, { cause })
}
