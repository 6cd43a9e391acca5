import { badRequest, StatusError } from '../../apimachinery/status-error.ts'
import { isJsonObject, type Json, type JsonObject } from '../../crds/meta/json.ts'
import { decodeYamlAside } from './decode-yaml-aside.ts'
import { decodeYamlText, type DecodedBody } from './decode-yaml.ts'
import { maxDepth, refuseProto, tooDeep } from './refuse-body.ts'
import { decodeProtobuf, isProtobuf } from '../protobuf/decode.ts'
import { parseMediaType } from './media-types.ts'
import { scanJson } from './scan-json.ts'

type Format = 'json' | 'yaml' | 'protobuf'

const formats: Readonly<Record<string, Format>> = {
  'application/json': 'json',
  'application/yaml': 'yaml',
  'application/vnd.kubernetes.protobuf': 'protobuf',
  'application/apply-patch+yaml': 'yaml',
  'application/json-patch+json': 'json',
  'application/merge-patch+json': 'json',
  'application/strategic-merge-patch+json': 'json',
}

/** Parsing YAML takes its time; what is longer than this is parsed where nobody waits for it. */
const maxYamlAtOnce = 4 * 1024

/** Decodes by Content-Type, or by looking at the bytes when there is none. Throws BadRequest or UnsupportedMediaType. */
export async function decodeBody(
  body: Buffer,
  contentType: string | undefined,
  signal?: AbortSignal,
): Promise<DecodedBody> {
  switch (formatOf(body, contentType)) {
    case 'protobuf':
      return { value: decodeProtobuf(body), duplicates: [] }
    case 'yaml':
      return await decodeYaml(textOf(body), signal)
    case 'json':
      return decodeJson(textOf(body))
  }
}

/** As `decodeBody`, for a body that has to be an object. */
export async function decodeObject(
  body: Buffer,
  contentType: string | undefined,
  signal?: AbortSignal,
): Promise<{ object: JsonObject; duplicates: readonly string[] }> {
  const { value, duplicates } = await decodeBody(body, contentType, signal)
  if (!isJsonObject(value)) throw badRequest('the body of the request must be an object')
  return { object: value, duplicates }
}

function formatOf(body: Buffer, contentType: string | undefined): Format {
  if (contentType === undefined || contentType.trim() === '') {
    if (isProtobuf(body)) return 'protobuf'
    const first = body.toString('latin1', 0, 64).trimStart()[0]
    return first === '{' || first === '[' ? 'json' : 'yaml'
  }
  const format = formats[parseMediaType(contentType).type]
  if (format === undefined) {
    throw new StatusError(
      'UnsupportedMediaType',
      'the body of the request was in an unknown format - accepted media types include: ' +
        'application/json, application/yaml, application/vnd.kubernetes.protobuf',
    )
  }
  return format
}

function textOf(body: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body)
  } catch {
    throw badRequest('the body of the request is not valid UTF-8')
  }
}

function decodeJson(text: string): DecodedBody {
  const { duplicates, depth } = scanJson(text)
  if (depth > maxDepth) throw tooDeep()
  let value: Json
  try {
    value = JSON.parse(text) as Json
  } catch (error) {
    throw badRequest(`the body of the request is not valid JSON: ${(error as Error).message}`)
  }
  // An own key of this name turns into a prototype change as soon as somebody assigns it.
  if (text.includes('__proto__') || text.includes('\\u00')) refuseProto(value)
  return { value, duplicates }
}

async function decodeYaml(text: string, signal: AbortSignal | undefined): Promise<DecodedBody> {
  // JSON is YAML, and what kubectl sends under this type.
  if (/^\s*[{[]/.test(text)) {
    try {
      return decodeJson(text)
    } catch (error) {
      if (error instanceof StatusError && !error.message.includes('not valid JSON')) throw error
    }
  }
  return text.length <= maxYamlAtOnce ? decodeYamlText(text) : await decodeYamlAside(text, signal)
}
