import { readdir, readFile, stat } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { parseAllDocuments } from 'yaml'
import { isJsonObject, type JsonObject } from '../crds/meta/json.ts'
import { UsageError } from './usage-error.ts'

const maxFileBytes = 16 << 20
const extensions = new Set(['.yaml', '.yml', '.json'])

/** One object of a manifest and where it was written, for messages. */
export interface Manifest {
  readonly object: JsonObject & {
    readonly apiVersion: string
    readonly kind: string
    readonly metadata: JsonObject & { readonly name: string }
  }
  readonly source: string
}

/** Reads the objects of files, of directories (their YAML and JSON files, sorted) and of standard input (`-`). */
export async function readManifests(paths: readonly string[], recursive: boolean): Promise<Manifest[]> {
  const manifests: Manifest[] = []
  for (const path of paths) {
    if (path === '-') manifests.push(...parse(await readStdin(), 'standard input'))
    else
      for (const file of await filesOf(path, recursive))
        manifests.push(...parse(await readBounded(file), file))
  }
  if (manifests.length === 0) throw new UsageError(`no objects were found in ${paths.join(', ')}`)
  return manifests
}

async function filesOf(path: string, recursive: boolean): Promise<string[]> {
  const info = await stat(path).catch(() => {
    throw new UsageError(`the path "${path}" does not exist`)
  })
  if (!info.isDirectory()) return [path]
  const entries = await readdir(path, { withFileTypes: true, recursive })
  return entries
    .filter((entry) => entry.isFile() && extensions.has(extname(entry.name)))
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted()
}

async function readBounded(file: string): Promise<string> {
  const { size } = await stat(file)
  if (size > maxFileBytes) throw new UsageError(`${file} is larger than ${maxFileBytes >> 20} MiB`)
  return readFile(file, 'utf8')
}

async function readStdin(): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > maxFileBytes) throw new UsageError(`standard input is larger than ${maxFileBytes >> 20} MiB`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function parse(text: string, source: string): Manifest[] {
  const documents = parseAllDocuments(text, { version: '1.1', merge: true })
  if (!Array.isArray(documents)) return []
  return documents.flatMap((document, at) => {
    const where = documents.length > 1 ? `${source}, document ${at + 1}` : source
    const [error] = document.errors
    if (error !== undefined) throw new UsageError(`${where}: ${error.message}`)
    const value: unknown = document.toJS({ maxAliasCount: 100 })
    return value === null ? [] : objectsOf(value, where)
  })
}

function objectsOf(value: unknown, source: string): Manifest[] {
  if (!isJsonObject(value)) throw new UsageError(`${source}: not an object`)
  if (typeof value['kind'] === 'string' && value['kind'].endsWith('List') && Array.isArray(value['items'])) {
    return value['items'].flatMap((item, at) => objectsOf(item, `${source}, item ${at + 1}`))
  }
  const { apiVersion, kind, metadata } = value
  if (typeof apiVersion !== 'string') throw new UsageError(`${source}: apiVersion is missing`)
  if (typeof kind !== 'string') throw new UsageError(`${source}: kind is missing`)
  if (!isJsonObject(metadata) || typeof metadata['name'] !== 'string')
    throw new UsageError(`${source}: metadata.name is missing`)
  return [
    { object: { ...value, apiVersion, kind, metadata: { ...metadata, name: metadata['name'] } }, source },
  ]
}
