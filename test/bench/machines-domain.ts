import { randomUUID } from 'node:crypto'
import { dirname, join } from 'node:path'
import { create } from 'xmlbuilder2'

/** A domain like one of Kvorum's that Kvorum takes no notice of. */
export interface BareDomain {
  readonly name: string
  readonly xml: string
  /** Where its disk has to be; `originalDisk` is what it has to be a copy of. */
  readonly disk: string
  readonly originalDisk: string
}

/** The same domain under another name and UUID and with another disk; everything that costs time stays as it is. */
export function bareDomain(xml: string): BareDomain {
  const root = create(xml).root()
  const name = `bare-${randomUUID()}`
  const elements = root.filter(() => true, false, true)
  const named = (wanted: string) => elements.filter((each) => each.node.nodeName === wanted)
  const textOf = { name, uuid: randomUUID() }
  for (const [key, value] of Object.entries(textOf)) {
    const [first] = named(key).filter((each) => each.up().node === root.node)
    if (first !== undefined) first.node.textContent = value
  }
  for (const each of named('metadata')) each.remove()
  const sources = named('source').filter((each) => each.up().node.nodeName === 'disk')
  const originalDisk = sources.map((each) => attribute(each.node, 'file')).find((path) => path !== '') ?? ''
  // Beside the original, whose backing file is named relative to it.
  const disk = join(dirname(originalDisk), `${name}.qcow2`)
  for (const each of sources) each.att('file', disk)
  return { name, xml: root.end({ headless: true }), disk, originalDisk }
}

function attribute(node: unknown, name: string): string {
  return (node as { getAttribute(name: string): string | null }).getAttribute(name) ?? ''
}
