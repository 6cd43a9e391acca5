import { readdir, readFile, stat } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { parseAllDocuments } from 'yaml'
import { isJsonObject, type JsonObject } from '../crds/meta/json.ts'
import type { CommandContext } from './context.ts'
import { fetchManifest } from './fetch-manifest.ts'
import { kubernetesYaml } from './kubernetes-yaml.ts'
import { buildKustomization } from './kustomize.ts'
import { UsageError } from './usage-error.ts'

/** Beyond this a file, an answer or standard input is taken for something else than manifests. */
export const maxManifestBytes = 16 << 20

const extensions = new Set(['.yaml', '.yml', '.json'])

/** One object of a manifest and where it was written, for messages. */
export interface Manifest {
  readonly object: JsonObject & {
    readonly apiVersion: string
    readonly kind: string
    readonly metadata: JsonObject & { readonly name: string }
  }
  /** `machines.yaml`, or `machines.yaml, document 2`. */
  readonly source: string
}

/** Where manifests are: what `-f`, `-R` and `-k` say. */
export interface ManifestOptions {
  /** Files, directories, `https:` URLs, or `-` for standard input. */
  readonly filename?: readonly string[]
  readonly recursive?: boolean
  /** A directory with a kustomization. */
  readonly kustomize?: string
}

type Reading = Pick<CommandContext, 'readInput' | 'signal' | 'env'>

/** Reads the objects of files and of directories (their YAML and JSON files, sorted). Throws UsageError. */
export async function readManifests(paths: readonly string[], recursive: boolean): Promise<Manifest[]> {
  const manifests: Manifest[] = []
  for (const path of paths) {
    for (const file of await filesOf(path, recursive)) {
      manifests.push(...parseManifests(await readBounded(file), file))
    }
  }
  return manifests
}

/** As `readManifests`, but from everything that `-f` and `-k` take. */
export async function readSources(context: Reading, options: ManifestOptions): Promise<Manifest[]> {
  const { filename = [], kustomize, recursive = false } = options
  if (kustomize !== undefined && filename.length > 0)
    throw new UsageError('-f and -k do not go together: take one of them')
  if (kustomize !== undefined) {
    return parseManifests(await buildKustomization(kustomize, context), `kustomization ${kustomize}`)
  }
  const manifests: Manifest[] = []
  for (const path of filename) manifests.push(...(await readOne(context, path, recursive)))
  return manifests
}

async function readOne(context: Reading, path: string, recursive: boolean): Promise<Manifest[]> {
  if (path === '-') return parseManifests(await context.readInput(), 'standard input')
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(path)) return readManifests([path], recursive)
  return parseManifests(await fetchManifest(path, context.signal), path)
}

async function filesOf(path: string, recursive: boolean): Promise<string[]> {
  const info = await stat(path).catch(() => {
    throw new UsageError(`the path ${JSON.stringify(path)} does not exist`)
  })
  if (!info.isDirectory()) return [path]
  const entries = await readdir(path, { withFileTypes: true, recursive })
  const files = entries
    .filter((entry) => entry.isFile() && extensions.has(extname(entry.name)))
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted()
  if (files.length > 0) return files
  throw new UsageError(`error reading [${path}]: recognized file extensions are [.json .yaml .yml]`)
}

async function readBounded(file: string): Promise<string> {
  const { size } = await stat(file)
  if (size > maxManifestBytes) throw new UsageError(`${file} is larger than ${maxManifestBytes >> 20} MiB`)
  return readFile(file, 'utf8')
}

/** The objects of a YAML or JSON text; lists are taken apart. Throws UsageError with `source` and where in it. */
export function parseManifests(text: string, source: string): Manifest[] {
  const documents = parseAllDocuments(text, kubernetesYaml)
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
  if (!isJsonObject(metadata)) throw new UsageError(`${source}: metadata.name is missing`)
  // A server makes up the name from `generateName`; whoever needs one asks for it.
  const name = typeof metadata['name'] === 'string' ? metadata['name'] : ''
  if (name === '' && typeof metadata['generateName'] !== 'string')
    throw new UsageError(`${source}: metadata.name is missing`)
  return [{ object: { ...value, apiVersion, kind, metadata: { ...metadata, name } }, source }]
}
