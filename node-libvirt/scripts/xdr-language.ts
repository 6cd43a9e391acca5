/**
 * Reads the subset of the XDR language that libvirt's protocol files use:
 * constants, enums, structs, typedefs and one union, with the annotations in the comment above each enum value.
 */

/** What a member is on the wire, with every bound already resolved to a number. */
export type XdrType =
  | { readonly kind: 'int' | 'uint' | 'hyper' | 'uhyper' | 'double' }
  | { readonly kind: 'string' | 'opaque'; readonly max: number }
  | { readonly kind: 'fixedOpaque' | 'chars'; readonly size: number }
  | { readonly kind: 'varChars'; readonly max: number }
  | { readonly kind: 'array'; readonly of: XdrType; readonly max: number }
  | { readonly kind: 'optional'; readonly of: XdrType }
  | { readonly kind: 'named'; readonly name: string }

export interface XdrField {
  readonly name: string
  readonly type: XdrType
}

export interface EnumValue {
  readonly name: string
  readonly value: number
  /** The annotations above the value: `priority` -> `high`, `acl` -> several lines. */
  readonly annotations: ReadonlyMap<string, readonly string[]>
}

export interface XdrFile {
  readonly constants: ReadonlyMap<string, number>
  readonly enums: ReadonlyMap<string, readonly EnumValue[]>
  readonly structs: ReadonlyMap<string, readonly XdrField[]>
  readonly typedefs: ReadonlyMap<string, XdrType>
  readonly unions: ReadonlyMap<string, readonly string[]>
}

/** Constants that the protocol files take from libvirt's C headers. */
const headerConstants: readonly (readonly [string, number])[] = [
  ['VIR_UUID_BUFLEN', 16],
  ['VIR_SECURITY_MODEL_BUFLEN', 257],
  ['VIR_SECURITY_LABEL_BUFLEN', 4097],
  ['VIR_SECURITY_DOI_BUFLEN', 257],
]

const declarationPattern =
  /(?<comment>\/\*[\s\S]*?\*\/)|^%.*$|const\s+(?<constant>\w+)\s*=\s*(?<value>\w+)\s*;|(?<block>enum|struct|union)\s+(?<name>\w+)(?:\s+switch\s*\([^)]*\))?\s*\{(?<body>(?:\/\*[\s\S]*?\*\/|[^}])*)\}\s*;|typedef\s+(?<typedef>[^;]+);/gm

/** Parses protocol files in the given order; later ones may use the names of earlier ones. */
export function parseXdr(sources: readonly string[]): XdrFile {
  const file = {
    constants: new Map(headerConstants),
    enums: new Map<string, readonly EnumValue[]>(),
    structs: new Map<string, readonly XdrField[]>(),
    typedefs: new Map<string, XdrType>(),
    unions: new Map<string, readonly string[]>(),
  }
  for (const source of sources) {
    for (const { groups = {} } of source.matchAll(declarationPattern)) {
      const { constant, value = '', block, name = '', body = '', typedef } = groups
      if (constant !== undefined) file.constants.set(constant, numberOf(value, file.constants))
      else if (typedef !== undefined) {
        const member = parseMember(typedef, file)
        file.typedefs.set(member.name, member.type)
      } else if (block === 'enum') file.enums.set(name, parseEnum(body, file.constants))
      else if (block === 'struct')
        file.structs.set(
          name,
          membersOf(body).map((line) => parseMember(line, file)),
        )
      else if (block === 'union') file.unions.set(name, membersOf(body.replaceAll(/case\s+\w+\s*:/g, '')))
    }
  }
  return file
}

function numberOf(text: string, constants: ReadonlyMap<string, number>): number {
  const number = /^(0x[\da-f]+|\d+)$/i.test(text) ? Number(text) : constants.get(text)
  if (number === undefined) throw new Error(`Unknown constant ${text} in a protocol file`)
  return number
}

function membersOf(body: string): string[] {
  return body
    .replaceAll(/\/\*[\s\S]*?\*\//g, ' ')
    .split(';')
    .map((line) => line.trim().replaceAll(/\s+/g, ' '))
    .filter((line) => line !== '')
}

const memberPattern = /^(?<type>.+?) ?(?<pointer>\*)? ?(?<name>\w+)(?:(?<open>[[<])(?<bound>\w*)[\]>])?$/

function parseMember(line: string, file: XdrFile): XdrField {
  const text = line.replaceAll(/\s+/g, ' ').trim()
  const { type = '', pointer, name = '', open, bound = '' } = memberPattern.exec(text)?.groups ?? {}
  if (name === '') throw new Error(`Cannot read the member "${text}"`)
  if (pointer !== undefined) return { name, type: { kind: 'optional', of: scalar(type) } }
  if (open === undefined) return { name, type: scalar(type) }
  const size = numberOf(bound, file.constants)
  return { name, type: open === '[' ? fixed(type, size) : variable(type, size) }
}

function fixed(type: string, size: number): XdrType {
  if (type === 'opaque') return { kind: 'fixedOpaque', size }
  if (type === 'char') return { kind: 'chars', size }
  throw new Error(`No rule for a fixed array of ${type}`)
}

function variable(type: string, max: number): XdrType {
  if (type === 'string' || type === 'opaque') return { kind: type, max }
  if (type === 'char') return { kind: 'varChars', max }
  return { kind: 'array', of: scalar(type), max }
}

/** On the wire every integer shorter than 32 bits is a 32-bit one. */
const scalars: ReadonlyMap<string, XdrType> = new Map([
  ['int', { kind: 'int' }],
  ['char', { kind: 'int' }],
  ['short', { kind: 'int' }],
  ['unsigned', { kind: 'uint' }],
  ['unsigned int', { kind: 'uint' }],
  ['unsigned char', { kind: 'uint' }],
  ['unsigned short', { kind: 'uint' }],
  ['hyper', { kind: 'hyper' }],
  ['unsigned hyper', { kind: 'uhyper' }],
  ['double', { kind: 'double' }],
])

function scalar(type: string): XdrType {
  const known = scalars.get(type)
  if (known !== undefined) return known
  if (!/^\w+$/.test(type)) throw new Error(`Unknown type "${type}"`)
  return { kind: 'named', name: type }
}

function parseEnum(body: string, constants: ReadonlyMap<string, number>): EnumValue[] {
  const pattern = /(?<comment>\/\*[\s\S]*?\*\/)|(?<name>\w+)\s*=\s*(?<value>\w+)/g
  const values: EnumValue[] = []
  let comment = ''
  for (const { groups = {} } of body.matchAll(pattern)) {
    if (groups['comment'] !== undefined) {
      comment = groups['comment']
      continue
    }
    values.push({
      name: groups['name'] ?? '',
      value: numberOf(groups['value'] ?? '', constants),
      annotations: annotationsOf(comment),
    })
    comment = ''
  }
  return values
}

function annotationsOf(comment: string): ReadonlyMap<string, readonly string[]> {
  const annotations = new Map<string, string[]>()
  for (const [, key = '', value = ''] of comment.matchAll(/@(\w+):\s*(.+?)\s*$/gm))
    annotations.set(key, [...(annotations.get(key) ?? []), value])
  return annotations
}
