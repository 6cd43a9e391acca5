import { readdir, readFile, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { isUtf8 } from 'node:buffer'
import { isJsonObject, type JsonObject } from '../../crds/meta/json.ts'
import type { CommandContext } from '../context.ts'
import { pathOf } from '../discovery.ts'
import { parseDuration } from '../duration.ts'
import { text } from '../object-metadata.ts'
import { type ResultOptions, resultPrinter } from '../printers/result.ts'
import { placeOf } from '../selection.ts'
import { UsageError } from '../usage-error.ts'
import { createOne } from './create.ts'

export interface CreateObjectOptions extends ResultOptions {
  readonly fieldManager?: string
  readonly validate?: string
}

/** Where the data of a Secret or ConfigMap comes from. */
export interface DataOptions extends CreateObjectOptions {
  /** `key=value` */
  readonly fromLiteral?: readonly string[]
  /** `file`, `key=file` or a directory. */
  readonly fromFile?: readonly string[]
  /** Files of `KEY=value` lines. */
  readonly fromEnvFile?: readonly string[]
  /** Of a Secret. */
  readonly type?: string
}

/** `kvorum create namespace` and `kvorum create serviceaccount`. */
export function createNamed(
  context: CommandContext,
  kind: 'Namespace' | 'ServiceAccount',
  name: string,
  options: CreateObjectOptions,
): Promise<void> {
  return createObject(context, { apiVersion: 'v1', kind, metadata: { name } }, options)
}

/** `kvorum create secret generic` */
export async function createSecret(
  context: CommandContext,
  name: string,
  options: DataOptions,
): Promise<void> {
  const data: JsonObject = {}
  for (const [key, bytes] of await readData(options)) data[key] = bytes.toString('base64')
  const type = options.type ?? 'Opaque'
  await createObject(context, { apiVersion: 'v1', kind: 'Secret', metadata: { name }, type, data }, options)
}

/** `kvorum create secret tls` */
export async function createTlsSecret(
  context: CommandContext,
  name: string,
  options: CreateObjectOptions & { readonly cert: string; readonly key: string },
): Promise<void> {
  const fromFile = [`tls.crt=${options.cert}`, `tls.key=${options.key}`]
  await createSecret(context, name, { ...options, fromFile, type: 'kubernetes.io/tls' })
}

/** `kvorum create configmap`; what is not UTF-8 goes into `binaryData`. */
export async function createConfigMap(
  context: CommandContext,
  name: string,
  options: DataOptions,
): Promise<void> {
  const data: JsonObject = {}
  const binaryData: JsonObject = {}
  for (const [key, bytes] of await readData(options)) {
    if (isUtf8(bytes)) data[key] = bytes.toString('utf8')
    else binaryData[key] = bytes.toString('base64')
  }
  const object = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name },
    ...(Object.keys(data).length > 0 && { data }),
    ...(Object.keys(binaryData).length > 0 && { binaryData }),
  }
  await createObject(context, object, options)
}

type NewObject = JsonObject & {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string }
}

async function createObject(
  context: CommandContext,
  object: NewObject,
  options: CreateObjectOptions,
): Promise<void> {
  const manifest = { object: { ...object, metadata: { ...object.metadata } }, source: 'the command line' }
  const place = await placeOf(context, manifest)
  const namespace = place.namespace === undefined ? {} : { namespace: place.namespace }
  const placed = { ...manifest.object, metadata: { ...manifest.object.metadata, ...namespace } }
  const created = await createOne(context, { ...manifest, object: placed }, options)
  resultPrinter(context, options)(place, created, 'created')
}

const maxDataBytes = 1 << 20

async function readData(options: DataOptions): Promise<Map<string, Buffer>> {
  const data = new Map<string, Buffer>()
  const add = (key: string, value: Buffer) => {
    if (!/^[-._a-zA-Z0-9]+$/.test(key))
      throw new UsageError(
        `"${key}" is not a valid key name: only letters, digits, '-', '_' and '.' may be in it`,
      )
    if (data.has(key))
      throw new UsageError(`cannot add key "${key}", another key by that name already exists`)
    data.set(key, value)
  }
  for (const literal of options.fromLiteral ?? []) {
    const at = literal.indexOf('=')
    if (at < 1) throw new UsageError(`invalid literal source ${literal}, expected key=value`)
    add(literal.slice(0, at), Buffer.from(unquoted(literal.slice(at + 1))))
  }
  for (const source of options.fromFile ?? []) {
    for (const [key, path] of await filesOf(source)) add(key, await readBounded(path))
  }
  for (const path of options.fromEnvFile ?? []) {
    for (const [key, value] of envLines((await readBounded(path)).toString('utf8'), path)) add(key, value)
  }
  return data
}

/** A shell's quotes that survived, as in `--from-literal="a='b'"`. */
function unquoted(value: string): string {
  return /^(?:'.*'|".*")$/s.test(value) ? value.slice(1, -1) : value
}

async function filesOf(source: string): Promise<(readonly [key: string, path: string])[]> {
  const at = source.indexOf('=')
  if (at > 0) return [[source.slice(0, at), source.slice(at + 1)]]
  const info = await stat(source).catch(() => {
    throw new UsageError(`error reading ${source}: no such file or directory`)
  })
  if (!info.isDirectory()) return [[basename(source), source]]
  const entries = await readdir(source, { withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).map(({ name }) => [name, join(source, name)])
}

async function readBounded(path: string): Promise<Buffer> {
  const info = await stat(path).catch(() => {
    throw new UsageError(`error reading ${path}: no such file or directory`)
  })
  if (info.size > maxDataBytes) throw new UsageError(`${path} is larger than ${maxDataBytes >> 20} MiB`)
  return readFile(path)
}

function envLines(content: string, path: string): (readonly [key: string, value: Buffer])[] {
  return content.split(/\r?\n/).flatMap((line, at) => {
    const trimmed = line.trimStart()
    if (trimmed === '' || trimmed.startsWith('#')) return []
    const [, key, value = ''] = /^([-._a-zA-Z][-._a-zA-Z0-9]*)(?:=(.*))?$/.exec(trimmed) ?? []
    if (key === undefined) throw new UsageError(`${path}, line ${at + 1}: expected KEY=value`)
    return [[key, Buffer.from(value)] as const]
  })
}

export interface TokenOptions {
  readonly audience?: readonly string[]
  readonly duration?: string
  readonly output?: string
}

/** `kvorum create token`: a token with which a program acts as a service account. */
export async function createToken(
  context: CommandContext,
  name: string,
  { audience = [], duration, output = '' }: TokenOptions,
): Promise<void> {
  const seconds = duration === undefined ? 0 : Math.round(parseDuration(duration) / 1000)
  const resource = (await context.discovery()).byName('serviceaccounts')
  const answer = await context.api.json({
    method: 'POST',
    path: pathOf(resource, { namespace: context.namespace, name, subresource: 'token' }),
    body: {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: {
        ...(audience.length > 0 && { audiences: [...audience] }),
        ...(seconds > 0 && { expirationSeconds: seconds }),
      },
    },
  })
  const object = isJsonObject(answer) ? answer : {}
  if (output !== '' && output !== 'token') {
    if (output !== 'json' && output !== 'yaml') throw new UsageError('-o takes json, yaml or token')
    const { objectPrinter } = await import('../printers/object-printer.ts')
    context.print(objectPrinter(output)(object))
    return
  }
  const status = isJsonObject(object['status']) ? object['status'] : {}
  context.print(`${text(status['token'])}\n`)
}
