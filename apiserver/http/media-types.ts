import { StatusError } from '../../apimachinery/status-error.ts'

/** One entry of an Accept header, or a Content-Type: `application/json;as=Table;v=v1;g=meta.k8s.io`. */
export interface MediaType {
  readonly type: string
  readonly parameters: Readonly<Record<string, string>>
}

const parsed = new Map<string, readonly MediaType[]>()
const maxRemembered = 500

/** In order of preference (`q`, then position). Clients repeat a handful of headers, so answers are remembered. */
export function parseAccept(header: string | undefined): readonly MediaType[] {
  if (header === undefined || header.trim() === '') return [{ type: '*/*', parameters: {} }]
  const known = parsed.get(header)
  if (known) return known
  const entries = header
    .slice(0, 4096)
    .split(',')
    .map(parseMediaType)
    .filter(({ type }) => type !== '')
    .toSorted((a, b) => quality(b) - quality(a))
  if (parsed.size < maxRemembered) parsed.set(header, entries)
  return entries
}

export function parseMediaType(text: string): MediaType {
  const [type = '', ...rest] = text.split(';').map((part) => part.trim())
  const parameters: Record<string, string> = {}
  for (const part of rest) {
    const [name = '', value = ''] = part.split('=', 2)
    parameters[name.toLowerCase()] = value.replaceAll('"', '')
  }
  return { type: type.toLowerCase(), parameters }
}

function quality({ parameters }: MediaType): number {
  const q = Number(parameters['q'] ?? 1)
  return Number.isFinite(q) ? q : 0
}

/** How an object shall look: itself, a Table, or its metadata alone. */
export type Rendering =
  | { readonly as: 'object'; readonly yaml: boolean }
  | { readonly as: 'table'; readonly version: TableVersion }
  | { readonly as: 'metadata'; readonly list: boolean; readonly version: TableVersion }

type TableVersion = 'v1' | 'v1beta1'

function isTableVersion(text: string): text is TableVersion {
  return text === 'v1' || text === 'v1beta1'
}

/** The first entry of the Accept header that can be served; throws NotAcceptable when there is none. */
export function negotiate(header: string | undefined): Rendering {
  for (const entry of parseAccept(header)) {
    const rendering = entry.parameters['as'] === undefined ? plainRendering(entry) : metaRendering(entry)
    if (rendering) return rendering
  }
  throw new StatusError(
    'NotAcceptable',
    'only the following media types are accepted: application/json, application/yaml',
  )
}

function plainRendering({ type }: MediaType): Rendering | undefined {
  if (isJson(type) || type === '*/*' || type === 'application/*') return { as: 'object', yaml: false }
  return type === 'application/yaml' ? { as: 'object', yaml: true } : undefined
}

function metaRendering({ type, parameters }: MediaType): Rendering | undefined {
  const { as, g, v: version = '' } = parameters
  if (!isJson(type) || g !== 'meta.k8s.io' || !isTableVersion(version)) return undefined
  if (as === 'Table') return { as: 'table', version }
  if (as === 'PartialObjectMetadata') return { as: 'metadata', list: false, version }
  return as === 'PartialObjectMetadataList' ? { as: 'metadata', list: true, version } : undefined
}

const isJson = (type: string) => type === 'application/json'
