import { badRequest, StatusError } from '../../apimachinery/status-error.ts'
import type { Json, JsonObject } from '../../crds/meta/json.ts'
import { messageNamed, messageOfKind, type Field, type Message } from './messages.ts'
import { malformed, wireFields, type WireField } from './wire.ts'

const magic = Buffer.from('k8s\0')

/** True for bytes in Kubernetes' protobuf envelope. */
export function isProtobuf(body: Buffer): boolean {
  return body.subarray(0, magic.length).equals(magic)
}

/**
 * Decodes an object in Kubernetes' protobuf envelope into what its JSON would be. Throws BadRequest for malformed
 * bytes and UnsupportedMediaType for kinds that are not known.
 */
export function decodeProtobuf(body: Buffer): JsonObject {
  if (!isProtobuf(body)) throw malformed()
  let apiVersion = ''
  let kind = ''
  let raw: Buffer = Buffer.alloc(0)
  for (const { number, value } of bytesFields(body.subarray(magic.length))) {
    if (number === 1) ({ apiVersion, kind } = typeMeta(value))
    if (number === 2) raw = value
  }
  const message = messageOfKind(apiVersion, kind)
  if (!message) {
    throw new StatusError(
      'UnsupportedMediaType',
      `protobuf bodies of kind ${JSON.stringify(kind)} in version ${JSON.stringify(apiVersion)} are not understood; ` +
        'send JSON',
    )
  }
  return { apiVersion, kind, ...decodeMessage(message, raw, 0) }
}

function typeMeta(bytes: Buffer): { apiVersion: string; kind: string } {
  const meta = { apiVersion: '', kind: '' }
  for (const { number, value } of bytesFields(bytes)) {
    if (number === 1) meta.apiVersion = text(value)
    if (number === 2) meta.kind = text(value)
  }
  return meta
}

function* bytesFields(message: Buffer): Generator<{ number: number; value: Buffer }> {
  for (const field of wireFields(message)) if (field.wire === 'bytes') yield field
}

/** Far beyond what any schema comes to, and well within the stack. */
const maxDepth = 500

function decodeMessage(message: Message, bytes: Buffer, depth: number): JsonObject {
  if (depth > maxDepth) throw badRequest('the body of the request is nested too deep')
  const object: JsonObject = {}
  for (const wire of wireFields(bytes)) {
    const field = message.get(wire.number)
    if (!field) continue
    if (field.shape === 'map') addEntry(object, field, wire, depth)
    else addValue(object, field, decodeValue(field.type, wire, depth))
  }
  return object
}

function addValue(object: JsonObject, { name, shape, keepsZero }: Field, value: Json | undefined): void {
  if (value === undefined) return
  if (shape === 'list') {
    const list = object[name]
    if (Array.isArray(list)) list.push(value)
    else object[name] = [value]
  } else if (shape === 'inline') Object.assign(object, value)
  else if (keepsZero || (value !== '' && value !== 0 && value !== false)) object[name] = value
}

function addEntry(object: JsonObject, { name, type }: Field, wire: WireField, depth: number): void {
  if (wire.wire !== 'bytes') throw malformed()
  let key = ''
  let value: Json | undefined = type === 's' || type === 'y' ? '' : undefined
  for (const part of wireFields(wire.value)) {
    if (part.number === 1) key = textOf(part)
    if (part.number === 2) value = decodeValue(type, part, depth)
  }
  const map = (object[name] ??= {}) as JsonObject
  // A plain assignment of this key would change the prototype.
  if (key === '__proto__') throw malformed()
  if (value !== undefined) map[key] = value
}

function decodeValue(type: string, wire: WireField, depth: number): Json | undefined {
  if (type === 'i' || type === 'b') {
    if (wire.wire !== 'varint') throw malformed()
    return type === 'b' ? wire.value !== 0 : wire.value
  }
  if (type === 'D') {
    if (wire.wire !== 'fixed64') throw malformed()
    return wire.value.readDoubleLE()
  }
  if (wire.wire !== 'bytes') throw malformed()
  const decode = Object.hasOwn(scalars, type) ? scalars[type] : undefined
  return decode ? decode(wire.value) : composite(type, wire.value, depth)
}

function composite(type: string, bytes: Buffer, depth: number): Json | undefined {
  if (!type.startsWith('|')) return inner(type, bytes, depth)
  const { schema, list, allows } = inner(type.slice(1), bytes, depth)
  return list ?? schema ?? allows
}

const scalars: Readonly<Record<string, (bytes: Buffer) => Json | undefined>> = {
  s: text,
  y: (bytes) => bytes.toString('base64'),
  T: (bytes) => time(bytes, 0),
  M: (bytes) => time(bytes, 6),
  Q: firstText,
  F: jsonText,
  J: jsonText,
  X: (bytes) => [...bytesFields(bytes)].map(({ value }) => text(value)),
}

function inner(type: string, bytes: Buffer, depth: number): JsonObject {
  const message = messageNamed(type)
  if (!message) throw new Error(`protobuf message ${type} has no table`)
  return decodeMessage(message, bytes, depth + 1)
}

/** A Time without seconds is Go's zero time, which JSON leaves out. */
function time(bytes: Buffer, digits: 0 | 6): string | undefined {
  let seconds: number | undefined
  let nanos = 0
  for (const { number, wire, value } of wireFields(bytes)) {
    if (wire !== 'varint') throw malformed()
    if (number === 1) seconds = value
    if (number === 2) nanos = value
  }
  if (seconds === undefined || Math.abs(seconds) > 253_402_300_799) return undefined
  const whole = new Date(seconds * 1000).toISOString().slice(0, 19)
  if (digits === 0) return `${whole}Z`
  const micros = String(Math.floor(nanos / 1000)).padStart(6, '0')
  return `${whole}.${micros}Z`
}

function firstText(bytes: Buffer): string {
  for (const { number, value } of bytesFields(bytes)) if (number === 1) return text(value)
  return ''
}

function jsonText(bytes: Buffer): Json {
  const json = firstText(bytes)
  try {
    return JSON.parse(json === '' ? '{}' : json) as Json
  } catch {
    throw malformed()
  }
}

function textOf(wire: WireField): string {
  if (wire.wire !== 'bytes') throw malformed()
  return text(wire.value)
}

function text(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw malformed()
  }
}
