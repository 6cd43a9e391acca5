import type { ApiDescription, ApiFunction } from './api-description.ts'
import type { EnumValue, XdrField, XdrFile, XdrType } from './xdr-language.ts'

/** One remote procedure with everything the emitters print about it. */
export interface ProcedureModel {
  /** libvirt's name in camelCase: `REMOTE_PROC_DOMAIN_CREATE_XML` is `domainCreateXml`. */
  readonly name: string
  readonly program: 'remote' | 'qemu'
  readonly number: number
  readonly args: string | undefined
  readonly ret: string | undefined
  readonly stream: 'read' | 'write' | 'both' | undefined
  readonly high: boolean
  readonly fds: boolean
  readonly acl: readonly string[]
  readonly api: ApiFunction | undefined
}

/** One event message: its public type name and its members, the inner `msg` of callback events flattened. */
export interface EventModel {
  readonly type: string
  readonly typeName: string
  readonly program: 'remote' | 'qemu'
  readonly number: number
  readonly fields: readonly XdrField[]
}

export interface ProtocolModel {
  readonly xdr: XdrFile
  readonly procedures: readonly ProcedureModel[]
  readonly events: readonly EventModel[]
}

/** Calls whose whole point is a file descriptor beside the message. */
const passesDescriptors: ReadonlySet<string> = new Set([
  'domainCreateXmlWithFiles',
  'domainCreateWithFiles',
  'domainOpenGraphics',
  'domainOpenGraphicsFd',
  'domainFdAssociate',
  'qemuDomainMonitorCommandWithFiles',
])

/** The annotation says "read" of these, yet the client may write as well: they are terminals and sockets. */
const twoWay: ReadonlySet<string> = new Set(['domainOpenConsole', 'domainOpenChannel'])

export function buildModel(xdr: XdrFile, api: ApiDescription): ProtocolModel {
  const values = (name: string) => xdr.enums.get(name) ?? []
  const numbered = [
    ...values('remote_procedure').map((value) => ({ program: 'remote' as const, value })),
    ...values('qemu_procedure').map((value) => ({ program: 'qemu' as const, value })),
  ]
  const stem = (value: EnumValue) => value.name.replace('_PROC_', '_').toLowerCase()
  const isEvent = (value: EnumValue) => xdr.structs.has(`${stem(value)}_msg`)
  const procedures = numbered
    .filter(({ value }) => !isEvent(value))
    .map(({ program, value }) => procedureModel(program, value, { xdr, api, stem: stem(value) }))
  const events = numbered
    .filter(({ value }) => isEvent(value) && !isLegacy(stem(value), xdr))
    .map(({ program, value }) => eventModel(program, value, { xdr, stem: stem(value) }))
  return { xdr, procedures, events }
}

/** Events of the old registration call: superseded by the same event with a callback id. */
function isLegacy(stem: string, xdr: XdrFile): boolean {
  if (!stem.startsWith('remote_domain_event_') || stem.startsWith('remote_domain_event_callback_'))
    return false
  return xdr.structs.has(`${stem.replace('remote_domain_event_', 'remote_domain_event_callback_')}_msg`)
}

function procedureModel(
  program: 'remote' | 'qemu',
  value: EnumValue,
  { xdr, api, stem }: { xdr: XdrFile; api: ApiDescription; stem: string },
): ProcedureModel {
  const name = camelCase(stem.replace(/^remote_/, ''))
  const struct = (suffix: string) => (xdr.structs.has(`${stem}_${suffix}`) ? `${stem}_${suffix}` : undefined)
  const streamed = value.annotations.has('writestream') ? 'write' : undefined
  const flat = stem.replace(/^remote_/, '').replaceAll('_', '')
  return {
    name,
    program,
    number: value.value,
    args: struct('args'),
    ret: struct('ret'),
    stream: twoWay.has(name) ? 'both' : value.annotations.has('readstream') ? 'read' : streamed,
    high: value.annotations.get('priority')?.[0] === 'high',
    fds: passesDescriptors.has(name),
    acl: (value.annotations.get('acl') ?? []).filter((rule) => rule !== 'none'),
    api:
      api.functions.get(`vir${flat}`) ??
      api.functions.get(`vir${flat.replace(/^qemu(domain|connect\w*?domain)/, '$1qemu')}`),
  }
}

function eventModel(
  program: 'remote' | 'qemu',
  value: EnumValue,
  { xdr, stem }: { xdr: XdrFile; stem: string },
): EventModel {
  const short = stem
    .replace(/^remote_domain_event_(callback_)?/, '')
    .replace(/^remote_connect_event_/, '')
    .replace(/^qemu_domain_monitor_event$/, 'qemu_monitor')
    .replace(/^remote_/, '')
    .replace('_event_', '_')
  const type = camelCase(short)
  const own = type === 'metadataChange' ? 'metadata_type' : 'job_type'
  const members = structOf(xdr, `${stem}_msg`)
  const fields = members.flatMap((field) =>
    field.name === 'msg' && field.type.kind === 'named' ? structOf(xdr, field.type.name) : [field],
  )
  // `type` says which event it is, so a member of that name needs another one.
  const renamed = fields.map((field) => (field.name === 'type' ? { ...field, name: own } : field))
  return { type, typeName: `${capital(type)}Event`, program, number: value.value, fields: renamed }
}

/** The members of a struct that must exist. */
export function structOf(xdr: XdrFile, name: string): readonly XdrField[] {
  const fields = xdr.structs.get(name)
  if (fields === undefined) throw new Error(`The protocol has no struct ${name}`)
  return fields
}

/** Follows typedefs until something that has a layout. */
export function resolveType(xdr: XdrFile, type: XdrType): XdrType {
  if (type.kind !== 'named') return type
  const target = xdr.typedefs.get(type.name)
  if (target !== undefined) return resolveType(xdr, target)
  return xdr.enums.has(type.name) ? { kind: 'int' } : type
}

type NumberType = Extract<XdrType, { readonly kind: 'int' | 'uint' | 'hyper' | 'uhyper' | 'double' }>

/** Whether a value of the type is one number on the wire. */
export function isNumber(type: XdrType): type is NumberType {
  return ['int', 'uint', 'hyper', 'uhyper', 'double'].includes(type.kind)
}

/** `remote_nonnull_storage_vol` is `StorageVol`, `remote_domain_get_info_ret` is `DomainGetInfoRet`. */
export function publicTypeName(name: string): string {
  return capital(camelCase(name.replace(/^remote_/, '').replace(/^nonnull_/, '')))
}

/** `cpu_time` becomes `cpuTime`; names that are camelCase already stay as libvirt spells them. */
export function camelCase(name: string): string {
  return name.replaceAll(/_+([a-zA-Z0-9])/g, (_, letter: string) => letter.toUpperCase())
}

function capital(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1)
}
