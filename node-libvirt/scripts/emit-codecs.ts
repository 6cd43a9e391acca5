import { camelCase, isNumber, publicTypeName, resolveType, structOf } from './protocol-model.ts'
import type { EventModel, ProcedureModel, ProtocolModel } from './protocol-model.ts'
import type { XdrField, XdrFile, XdrType } from './xdr-language.ts'

const defaultStringMax = 4_194_304
const typedParam = 'remote_typed_param'

/** Prints `procedures.ts`: one tree-shakeable constant per procedure, then the table by name. */
export function emitProcedures(model: ProtocolModel): string {
  const structs = new StructCodecs(model.xdr)
  const lines = model.procedures.map((procedure) => emitProcedure(procedure, structs))
  return [
    "import { readTypedParam, writeTypedParam } from '../typed-param-codec.ts'",
    "import type { XdrReader, XdrWriter } from '../xdr.ts'",
    "import { qemuProcedure, remoteProcedure } from '../procedure.ts'",
    "import type { Procedure } from '../procedure.ts'",
    "import type * as T from './types.ts'",
    '',
    ...structs.print(),
    '',
    ...lines,
    '/** Every procedure by name. Naming it in a program keeps all codecs in its bundle. */',
    'export const procedures: { readonly [K in keyof T.ProcedureMap]: Procedure<T.ProcedureMap[K][0], T.ProcedureMap[K][1]> } = {',
    ...model.procedures.map(({ name }) => `  ${name},`),
    '}',
  ].join('\n')
}

function emitProcedure(procedure: ProcedureModel, structs: StructCodecs): string {
  const { name, args, ret, number, program } = procedure
  const argsType = args === undefined ? 'void' : `T.${publicTypeName(args)}`
  const retType = ret === undefined ? 'void' : `T.${publicTypeName(ret)}`
  const traits = [
    ...(procedure.stream === undefined ? [] : [`stream: '${procedure.stream}'`]),
    ...(procedure.high ? ['high: true'] : []),
    ...(procedure.fds ? ['fds: true'] : []),
  ]
  const parameters = [
    `'${name}'`,
    String(number),
    args === undefined ? 'undefined' : structs.encoder(args),
    ret === undefined ? 'undefined' : structs.decoder(ret),
    ...(traits.length === 0 ? [] : [`{ ${traits.join(', ')} }`]),
  ]
  return `export const ${name}: Procedure<${argsType}, ${retType}> = /* @__PURE__ */ ${program}Procedure(${parameters.join(', ')})`
}

/** Prints `events.ts`: a decoder per event message, by program and number. */
export function emitEvents(model: ProtocolModel): string {
  const structs = new StructCodecs(model.xdr)
  const table = (program: EventModel['program']) =>
    model.events
      .filter((event) => event.program === program)
      .map((event) => {
        const members = event.fields.map((field) => `${camelCase(field.name)}: ${structs.read(field)}`)
        return `  ${event.number}: (r) => ({ type: '${event.type}', ${members.join(', ')} }),`
      })
  const remote = table('remote')
  const qemu = table('qemu')
  return [
    "import { readTypedParam } from '../typed-param-codec.ts'",
    "import type { XdrReader } from '../xdr.ts'",
    "import type * as T from './types.ts'",
    '',
    ...structs.print(),
    '',
    'type EventDecoders = Readonly<Record<number, (r: XdrReader) => T.LibvirtEvent>>',
    '',
    '/** Decoders of the events of the remote program, by procedure number. */',
    'export const remoteEvents: EventDecoders = {',
    ...remote,
    '}',
    '',
    '/** Decoders of the events of the QEMU program, by procedure number. */',
    'export const qemuEvents: EventDecoders = {',
    ...qemu,
    '}',
  ].join('\n')
}

/** The bound of a string as printed: nothing for the usual one. */
function boundOf(max: number): string {
  return max === defaultStringMax ? '' : String(max)
}

/** Collects the codecs of the structs that are used, in the directions in which they are used. */
class StructCodecs {
  readonly #xdr: XdrFile
  readonly #printed = new Map<string, string>()

  constructor(xdr: XdrFile) {
    this.#xdr = xdr
  }

  print(): string[] {
    return [...this.#printed.values()]
  }

  /** The function that reads a struct: shared by name, or written out where it is used once. */
  decoder(struct: string): string {
    if (struct === typedParam) return 'readTypedParam'
    if (this.#isOfOneProcedure(struct)) return `(r) => ${this.#object(struct)}`
    const name = `read${publicTypeName(struct)}`
    if (!this.#printed.has(name)) {
      this.#printed.set(name, '')
      const body = `const ${name} = (r: XdrReader): T.${publicTypeName(struct)} => ${this.#object(struct)}`
      this.#printed.delete(name)
      this.#printed.set(name, body)
    }
    return name
  }

  encoder(struct: string): string {
    if (struct === typedParam) return 'writeTypedParam'
    const fields = structOf(this.#xdr, struct)
    if (this.#isOfOneProcedure(struct)) {
      const writes = fields.map((field) => this.#write(field, true))
      return writes.length === 1 ? `(w, v) => ${writes[0]}` : `(w, v) => { ${writes.join('; ')} }`
    }
    const name = `write${publicTypeName(struct)}`
    if (!this.#printed.has(name)) {
      const writes = fields.map((field) => this.#write(field, false))
      this.#printed.set(
        name,
        `const ${name} = (w: XdrWriter, v: T.${publicTypeName(struct)}): void => { ${writes.join('; ')} }`,
      )
    }
    return name
  }

  #isOfOneProcedure(struct: string): boolean {
    return /_(args|ret)$/.test(struct) && struct !== 'remote_domain_get_security_label_ret'
  }

  #object(struct: string): string {
    const members = structOf(this.#xdr, struct).map(
      (field) => `${camelCase(field.name)}: ${this.read(field)}`,
    )
    return `({ ${members.join(', ')} })`
  }

  /** The expression that reads one member. */
  read(field: XdrField): string {
    const type = resolveType(this.#xdr, field.type)
    if (isNumber(type)) return `r.${type.kind}()`
    switch (type.kind) {
      case 'string':
        return `r.string(${boundOf(type.max)})`
      case 'opaque':
        return `r.opaque(${type.max})`
      case 'fixedOpaque':
        return 'r.uuid()'
      case 'chars':
        return `r.chars(${type.size})`
      case 'varChars':
        return field.name === 'data' ? `r.intBytes(${type.max})` : `r.varChars(${type.max})`
      case 'array':
        return `r.array(${type.max}, ${this.#elementReader(type.of)})`
      case 'optional':
        if (this.#isPlainString(type.of)) return 'r.optionalString()'
        return `r.optional(${this.#elementReader(type.of)})`
      case 'named':
        return `${this.decoder(type.name)}(r)`
    }
  }

  #isPlainString(type: XdrType): boolean {
    const resolved = resolveType(this.#xdr, type)
    return resolved.kind === 'string' && resolved.max === defaultStringMax
  }

  #elementReader(type: XdrType): string {
    const resolved = resolveType(this.#xdr, type)
    if (resolved.kind === 'named') return this.decoder(resolved.name)
    return `(r) => ${this.read({ name: '', type: resolved })}`
  }

  #write(field: XdrField, isArgs: boolean): string {
    const value = `v.${camelCase(field.name)}`
    if (isArgs && field.name === 'flags') {
      const { kind } = resolveType(this.#xdr, field.type)
      return `w.${kind}(${value} ?? ${kind.endsWith('hyper') ? '0n' : '0'})`
    }
    if (isArgs && /^need_?results$/i.test(field.name)) return `w.int(${value} ?? 1)`
    return this.#writeValue(field, value)
  }

  #writeValue(field: XdrField, value: string): string {
    const type = resolveType(this.#xdr, field.type)
    if (isNumber(type)) return `w.${type.kind}(${value})`
    switch (type.kind) {
      case 'string':
        return `w.string(${[value, boundOf(type.max)].filter((part) => part !== '').join(', ')})`
      case 'opaque':
        return `w.opaque(${value}, ${type.max})`
      case 'fixedOpaque':
        return `w.uuid(${value})`
      case 'varChars':
        return `w.intBytes(${value}, ${type.max})`
      case 'array':
        return `w.array(${value}, ${type.max}, ${this.#elementWriter(type.of)})`
      case 'optional':
        if (this.#isPlainString(type.of)) return `w.optionalString(${value})`
        return `w.optional(${value}, ${this.#elementWriter(type.of)})`
      case 'named':
        return `${this.encoder(type.name)}(w, ${value})`
      case 'chars':
        throw new Error(`No rule to write the fixed text ${field.name}`)
    }
  }

  #elementWriter(type: XdrType): string {
    const resolved = resolveType(this.#xdr, type)
    if (resolved.kind === 'named') return this.encoder(resolved.name)
    return `(w, v) => ${this.#writeValue({ name: '', type: resolved }, 'v')}`
  }
}
