import { XMLParser } from 'fast-xml-parser'
import { z } from 'zod'
import { HypervisorError } from '../../hypervisor.ts'

// Far above any domain, network or capabilities document of libvirt (its own limit for a string is 4 MiB).
const maxLength = 4 * 1024 * 1024
const maxDepth = 40

const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: '@',
  removeNSPrefix: true,
  parseTagValue: false,
  parseAttributeValue: false,
  ignoreDeclaration: true,
  ignorePiTags: true,
  // Every element is a list: whether an element occurs once or twice must not change its type.
  isArray: (_name, _path, _isLeaf, isAttribute) => !isAttribute,
  alwaysCreateTextNode: true,
  maxNestedTags: maxDepth,
})

/**
 * Reads a document that libvirt wrote: elements become lists under their name (prefixes are dropped), attributes
 * `@name`, text `#text`, all of them strings. Throws a `failed` HypervisorError on documents that are too long, too
 * deep, not XML or not of the shape `schema`; a document type is refused, for it could define entities.
 */
export function parseXml<T>(what: string, xml: string, schema: z.ZodType<T>): T {
  if (xml.length > maxLength) throw unreadable(what, `it has more than ${maxLength} characters`)
  if (/<!DOCTYPE/i.test(xml)) throw unreadable(what, 'it has a document type')
  let tree: unknown
  try {
    tree = parser.parse(xml)
  } catch (cause) {
    throw unreadable(what, 'it is not XML', cause)
  }
  const result = schema.safeParse(tree)
  if (!result.success) throw unreadable(what, z.prettifyError(result.error), result.error)
  return result.data
}

function unreadable(what: string, why: string, cause?: unknown): HypervisorError {
  return new HypervisorError('failed', `${what} from libvirt cannot be read: ${why}`, { cause })
}

/** An element that must occur exactly once, as the element itself. */
export function one<T>(schema: z.ZodType<T>) {
  return z.tuple([schema]).transform(([only]) => only)
}

/** An element that may be missing; of several the first counts. */
export function optional<T>(schema: z.ZodType<T>) {
  return z
    .array(schema)
    .optional()
    .transform((list) => list?.[0])
}

/** An element that occurs any number of times. */
export function many<T>(schema: z.ZodType<T>) {
  return z
    .array(schema)
    .optional()
    .transform((list) => list ?? [])
}

/** An element's text. */
export const text = z.object({ '#text': z.string() }).transform((node) => node['#text'])
