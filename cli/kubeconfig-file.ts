import { existsSync } from 'node:fs'
import { readFile, rename, stat, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
import { type Document, parseDocument } from 'yaml'
import { isJsonObject, type Json, type JsonObject } from '../crds/meta/json.ts'
import { text } from './object-metadata.ts'
import { UsageError } from './usage-error.ts'

/** The files of a kubeconfig, and what they say together. */
export interface Kubeconfig {
  readonly files: readonly { readonly path: string; readonly document: Document }[]
  readonly merged: JsonObject
}

/** Reads the kubeconfig of `--kubeconfig`, of `KUBECONFIG` or of the home directory. Throws UsageError. */
export async function readKubeconfig(
  path: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Kubeconfig> {
  const listed = env['KUBECONFIG']?.split(delimiter).filter((one) => one !== '') ?? []
  const paths = path !== undefined ? [path] : listed
  const home = join(env['HOME'] ?? homedir(), '.kube', 'config')
  const existing = (paths.length > 0 ? paths : [home]).filter((one) => existsSync(one))
  const files = await Promise.all(
    existing.map(async (one) => ({ path: one, document: parsed(one, await readFile(one, 'utf8')) })),
  )
  return { files, merged: merge(files.map(({ document }) => document.toJS() as unknown)) }
}

function parsed(path: string, content: string): Document {
  const document = parseDocument(content)
  const [error] = document.errors
  if (error !== undefined) throw new UsageError(`${path}: ${error.message}`)
  return document
}

const lists = ['clusters', 'contexts', 'users'] as const

/** The first file that names something wins. */
function merge(configs: readonly unknown[]): JsonObject {
  const result: JsonObject = { apiVersion: 'v1', kind: 'Config', preferences: {}, 'current-context': '' }
  const objects = configs.filter(isJsonObject)
  for (const list of lists) {
    const entries = new Map<string, JsonObject>()
    for (const entry of objects.flatMap((config) => entriesOf(config[list]))) {
      const name = text(entry['name'])
      if (!entries.has(name)) entries.set(name, entry)
    }
    result[list] = entries.size === 0 ? null : [...entries.values()]
  }
  const current = objects.map((config) => text(config['current-context'])).find((name) => name !== '')
  return { ...result, 'current-context': current ?? '' }
}

export function entriesOf(list: Json | undefined): JsonObject[] {
  return Array.isArray(list) ? list.filter(isJsonObject) : []
}

/** Writes a changed file in one step, readable by nobody else than before. */
export async function saveKubeconfig(path: string, document: Document): Promise<void> {
  const { mode } = await stat(path)
  const next = `${path}.${process.pid}.tmp`
  await writeFile(next, document.toString(), { mode: mode & 0o777 })
  await rename(next, path)
}
