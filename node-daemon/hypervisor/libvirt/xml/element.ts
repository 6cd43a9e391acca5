import { create } from 'xmlbuilder2'
import { HypervisorError } from '../../hypervisor.ts'

type AttributeValue = string | number | undefined
type Child = XmlElement | string | undefined

/** One XML element as plain data, so that builders can be read and tested without any library's types. */
export interface XmlElement {
  readonly name: string
  readonly attributes: Readonly<Record<string, AttributeValue>>
  readonly children: readonly Child[]
}

/** An element; attributes and children that are undefined are left out, a string child is text. */
export function element(
  name: string,
  attributes: Readonly<Record<string, AttributeValue>> = {},
  children: readonly Child[] = [],
): XmlElement {
  return { name, attributes, children }
}

/** Writes the document, escaped; throws an `invalid` HypervisorError on characters that XML cannot carry. */
export function renderXml(root: XmlElement): string {
  const document = create()
  append(document, root)
  try {
    return document.end({ headless: true, prettyPrint: true, wellFormed: true })
  } catch (cause) {
    throw new HypervisorError('invalid', `a value of <${root.name}> has characters that XML cannot carry`, {
      cause,
    })
  }
}

type Builder = ReturnType<typeof create>

function append(parent: Builder, node: XmlElement): void {
  const attributes = Object.entries(node.attributes).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, String(value)] as const],
  )
  const built = parent.ele(node.name, Object.fromEntries(attributes))
  for (const child of node.children) {
    if (child === undefined) continue
    if (typeof child === 'string') built.txt(child)
    else append(built, child)
  }
}
