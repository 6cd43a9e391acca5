import { isJsonObject, type Json, type JsonObject } from '../../crds/meta/json.ts'

/**
 * The content type of an OpenAPI v2 document as protobuf. Clients ask for it with `v2@v1.0` in place of `v2.v1.0`
 * too, which is no valid content type for an answer.
 */
export const openApiV2ProtobufType = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf'

/** An OpenAPI v2 document as protobuf, in the messages of `openapi.v2.Document`. */
export function openApiV2Protobuf(document: JsonObject): Buffer {
  return encodeDocument(document)
}

/** Writes a value as the field of a number; nothing for a value of a kind that the field does not hold. */
type Writer = (number: number, value: Json) => Buffer

/** Field numbers and writers by the names that fields have in JSON. */
type Fields = Readonly<Record<string, readonly [number, Writer]>>

const wholeWire = 0
const doubleWire = 1
const delimitedWire = 2
const nothing = Buffer.alloc(0)

const small = Array.from({ length: 0x80 }, (_, byte) => Buffer.from([byte]))

function varint(value: number): Buffer {
  const known = small[value]
  if (known !== undefined) return known
  const bytes: number[] = []
  // Negative numbers are written as what they are in 64 bits.
  let rest = BigInt.asUintN(64, BigInt(value))
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80)
  return Buffer.from([...bytes, Number(rest)])
}

const tag = (number: number, wire: number) => varint(number * 8 + wire)

function delimited(number: number, payload: Buffer): Buffer {
  return Buffer.concat([tag(number, delimitedWire), varint(payload.length), payload])
}

const text: Writer = (number, value) =>
  typeof value === 'string' ? delimited(number, Buffer.from(value)) : nothing

const flag: Writer = (number, value) =>
  typeof value === 'boolean' ? Buffer.concat([tag(number, wholeWire), varint(Number(value))]) : nothing

const whole: Writer = (number, value) =>
  Number.isInteger(value) ? Buffer.concat([tag(number, wholeWire), varint(value as number)]) : nothing

const double: Writer = (number, value) => {
  if (typeof value !== 'number') return nothing
  const bytes = Buffer.alloc(8)
  bytes.writeDoubleLE(value)
  return Buffer.concat([tag(number, doubleWire), bytes])
}

/** A value of any kind is written as the text that it has in YAML, and JSON is YAML. */
const any: Writer = (number, value) => delimited(number, text(2, JSON.stringify(value)))

const list =
  (item: Writer): Writer =>
  (number, value) =>
    Array.isArray(value) ? Buffer.concat(value.map((one) => item(number, one))) : nothing

/** A message of the given fields. Everything that starts with `x-` goes to the field `extensions`. */
function message(fields: Fields, extensions = 0): (value: JsonObject) => Buffer {
  return (value) => {
    const parts: Buffer[] = []
    for (const [key, member] of Object.entries(value)) {
      if (member === undefined) continue
      const field = Object.hasOwn(fields, key) ? fields[key] : undefined
      if (field !== undefined) parts.push(field[1](field[0], member))
      else if (extensions !== 0 && key.startsWith('x-')) parts.push(named(any)(extensions, { [key]: member }))
    }
    return Buffer.concat(parts)
  }
}

const nested =
  (encode: (value: JsonObject) => Buffer): Writer =>
  (number, value) =>
    isJsonObject(value) ? delimited(number, encode(value)) : nothing

/** A map, as a repeated field of messages with a name and a value. */
const named =
  (item: Writer): Writer =>
  (number, value) => {
    if (!isJsonObject(value)) return nothing
    const entries = Object.entries(value).map(([name, member]) =>
      member === undefined ? nothing : delimited(number, Buffer.concat([text(1, name), item(2, member)])),
    )
    return Buffer.concat(entries)
  }

/** Puts a value into messages that have it as their only field, the outermost first. */
const within =
  (path: readonly number[], item: Writer): Writer =>
  (number, value) => {
    const [inner, ...rest] = path
    if (inner === undefined) return item(number, value)
    return delimited(number, within(rest, item)(inner, value))
  }

const schema: Writer = (number, value) => nested(encodeSchema)(number, value)

const additional: Writer = (number, value) =>
  delimited(number, typeof value === 'boolean' ? flag(2, value) : schema(1, value))

const encodeSchema = message(
  {
    $ref: [1, text],
    format: [2, text],
    title: [3, text],
    description: [4, text],
    default: [5, any],
    multipleOf: [6, double],
    maximum: [7, double],
    exclusiveMaximum: [8, flag],
    minimum: [9, double],
    exclusiveMinimum: [10, flag],
    maxLength: [11, whole],
    minLength: [12, whole],
    pattern: [13, text],
    maxItems: [14, whole],
    minItems: [15, whole],
    uniqueItems: [16, flag],
    maxProperties: [17, whole],
    minProperties: [18, whole],
    required: [19, list(text)],
    enum: [20, list(any)],
    additionalProperties: [21, additional],
    type: [22, within([1], text)],
    items: [23, within([1], schema)],
    allOf: [24, list(schema)],
    properties: [25, within([1], named(schema))],
  },
  31,
)

const encodeBody = message(
  { description: [1, text], name: [2, text], in: [3, text], required: [4, flag], schema: [5, schema] },
  6,
)

const parameterHead: Fields = {
  required: [1, flag],
  in: [2, text],
  description: [3, text],
  name: [4, text],
}
const encodeQuery = message(
  { ...parameterHead, type: [6, text], format: [7, text], uniqueItems: [20, flag] },
  23,
)
const encodePathParameter = message(
  { ...parameterHead, type: [5, text], format: [6, text], uniqueItems: [19, flag] },
  22,
)

const parameter: Writer = (number, value) => {
  const place = isJsonObject(value) ? value['in'] : undefined
  if (place === 'body') return within([1, 1], nested(encodeBody))(number, value)
  if (place === 'path') return within([1, 2, 4], nested(encodePathParameter))(number, value)
  return within([1, 2, 3], nested(encodeQuery))(number, value)
}

const encodeResponse = message({ description: [1, text], schema: [2, within([1], schema)] }, 5)

const encodeOperation = message(
  {
    tags: [1, list(text)],
    summary: [2, text],
    description: [3, text],
    operationId: [5, text],
    produces: [6, list(text)],
    consumes: [7, list(text)],
    parameters: [8, list(parameter)],
    responses: [9, within([1], named(within([1], nested(encodeResponse))))],
    schemes: [10, list(text)],
    deprecated: [11, flag],
  },
  13,
)
const operation = nested(encodeOperation)

const encodePathItem = message(
  {
    get: [2, operation],
    put: [3, operation],
    post: [4, operation],
    delete: [5, operation],
    options: [6, operation],
    head: [7, operation],
    patch: [8, operation],
    parameters: [9, list(parameter)],
  },
  10,
)

const encodeDocument = message({
  swagger: [1, text],
  info: [2, nested(message({ title: [1, text], version: [2, text], description: [3, text] }))],
  paths: [8, within([2], named(nested(encodePathItem)))],
  definitions: [9, within([1], named(schema))],
})
