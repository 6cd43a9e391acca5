import type { ApiDescription } from './api-description.ts'
import { descriptions, eventDescriptions } from './descriptions.ts'
import { camelCase, publicTypeName, resolveType, structOf } from './protocol-model.ts'
import type { EventModel, ProcedureModel, ProtocolModel } from './protocol-model.ts'
import type { XdrField, XdrFile, XdrType } from './xdr-language.ts'

/** Prints `types.ts`: interfaces of every struct that a procedure or event uses, and the table of procedures. */
export function emitTypes(model: ProtocolModel, api: ApiDescription): string {
  const structs = usedStructs(model)
  const documented = new Map(
    model.procedures.flatMap((procedure) =>
      procedure.args === undefined ? [] : [[procedure.args, procedure]],
    ),
  )
  return [
    "import type { TypedParam } from '../typed-param-codec.ts'",
    '',
    ...[...structs].map((struct) => emitInterface(model.xdr, struct, documented.get(struct))),
    ...model.events.map((event) => emitEvent(model.xdr, event)),
    '/** Every event that libvirt sends and this release of the protocol names. */',
    'export type LibvirtEvent =',
    ...model.events.map(({ typeName }) => `  | ${typeName}`),
    '',
    '/** What each procedure takes and gives: `[arguments, result]`. */',
    'export interface ProcedureMap {',
    ...model.procedures.map((procedure) => emitEntry(procedure, api)),
    '}',
    '',
    '/** Procedures that open a stream beside their reply. */',
    `export type StreamProcedureName = ${namesWhere(model, ({ stream }) => stream !== undefined)}`,
    '',
    '/** Procedures that need file descriptor passing, which Node has not: calling them fails with `UnsupportedError`. */',
    `export type DescriptorProcedureName = ${namesWhere(model, ({ fds }) => fds)}`,
  ].join('\n')
}

function namesWhere(model: ProtocolModel, matches: (procedure: ProcedureModel) => boolean): string {
  return model.procedures
    .filter(matches)
    .map(({ name }) => `'${name}'`)
    .join(' | ')
}

function usedStructs(model: ProtocolModel): ReadonlySet<string> {
  const used = new Set<string>()
  const visitFields = (fields: readonly XdrField[]): void => fields.forEach((field) => visit(field.type))
  const visitStruct = (name: string): void => {
    if (used.has(name) || name === 'remote_typed_param') return
    visitFields(structOf(model.xdr, name))
    used.add(name)
  }
  const visit = (type: XdrType): void => {
    const resolved = resolveType(model.xdr, type)
    if (resolved.kind === 'array' || resolved.kind === 'optional') visit(resolved.of)
    else if (resolved.kind === 'named') visitStruct(resolved.name)
  }
  for (const { args, ret } of model.procedures)
    for (const struct of [args, ret]) if (struct !== undefined) visitStruct(struct)
  for (const event of model.events) visitFields(event.fields)
  return used
}

function emitInterface(xdr: XdrFile, struct: string, procedure: ProcedureModel | undefined): string {
  const isArgs = struct.endsWith('_args')
  const fields = structOf(xdr, struct).map((field) => {
    const type = typeText(xdr, field.type, field.name)
    const flags = field.name === 'flags' ? procedure?.api?.flags : undefined
    const doc = flags === undefined ? '' : `  /** Any of \`${flags}\`, combined by bitwise or. */\n`
    return `${doc}  readonly ${camelCase(field.name)}${isArgs && isOptional(xdr, field) ? '?' : ''}: ${type}${isArgs && isOptional(xdr, field) ? ' | undefined' : ''}`
  })
  return [`export interface ${publicTypeName(struct)} {`, ...fields, '}', ''].join('\n')
}

/** Arguments that may be left out: null pointers, `flags` (0) and `needResults` (1). */
export function isOptional(xdr: XdrFile, field: XdrField): boolean {
  return resolveType(xdr, field.type).kind === 'optional' || /^(flags|need_?results)$/i.test(field.name)
}

function emitEvent(xdr: XdrFile, event: EventModel): string {
  const fields = event.fields.map(
    (field) => `  readonly ${camelCase(field.name)}: ${typeText(xdr, field.type, field.name)}`,
  )
  const doc = eventDescriptions[event.type]
  return [
    ...(doc === undefined ? [] : [`/** ${doc} */`]),
    `export interface ${event.typeName} {`,
    `  readonly type: '${event.type}'`,
    ...fields,
    '}',
    '',
  ].join('\n')
}

const plainTypes: Readonly<Partial<Record<XdrType['kind'], string>>> = {
  int: 'number',
  uint: 'number',
  double: 'number',
  hyper: 'bigint',
  uhyper: 'bigint',
  string: 'string',
  fixedOpaque: 'string',
  chars: 'string',
  opaque: 'Uint8Array',
}

/** A member's type as TypeScript text. */
export function typeText(xdr: XdrFile, type: XdrType, name: string): string {
  const resolved = resolveType(xdr, type)
  if (resolved.kind === 'varChars') return name === 'data' ? 'Uint8Array' : 'string'
  if (resolved.kind === 'named') return publicTypeName(resolved.name)
  if (resolved.kind === 'optional') return `${typeText(xdr, resolved.of, name)} | null`
  if (resolved.kind === 'array') {
    const element = typeText(xdr, resolved.of, '')
    return `readonly ${element.includes(' ') ? `(${element})` : element}[]`
  }
  return plainTypes[resolved.kind] ?? 'never'
}

function emitEntry(procedure: ProcedureModel, api: ApiDescription): string {
  const { name, args, ret } = procedure
  const types = [args, ret].map((struct) => (struct === undefined ? 'void' : publicTypeName(struct)))
  const doc = documentation(procedure, api).map((line) => `   * ${line}`.trimEnd())
  return ['  /**', ...doc, '   */', `  ${name}: [${types.join(', ')}]`].join('\n')
}

/** What is said about a procedure: a sentence where there is one, and the facts. */
export function documentation(procedure: ProcedureModel, api: ApiDescription): string[] {
  const { api: known, acl, stream } = procedure
  const flags =
    known?.flags !== undefined && api.enums.has(known.flags) ? ` Flags: {@link ${known.flags}}.` : ''
  const facts = [
    known === undefined ? 'No public C function.' : `C: \`${known.name}\`, since ${known.since}.${flags}`,
    ...(acl.length === 0 ? [] : [`Permissions: ${acl.join(', ')}.`]),
    ...(procedure.high ? ['Answered even when the daemon is busy (high priority).'] : []),
    ...(stream === undefined ? [] : [streamFact[stream]]),
    ...(procedure.fds ? ['Needs file descriptor passing: not callable from Node.'] : []),
  ]
  const sentence = descriptions[procedure.name]
  return sentence === undefined ? facts : [sentence, '', ...facts]
}

const streamFact = {
  read: 'Opens a stream from the daemon.',
  write: 'Opens a stream to the daemon.',
  both: 'Opens a two-way stream.',
} as const
