import { isMap, isSeq } from 'yaml'
import { isJsonObject, type JsonObject } from '../../crds/meta/json.ts'
import { entriesOf, type Kubeconfig, saveKubeconfig } from '../kubeconfig-file.ts'
import { text } from '../object-metadata.ts'
import { byCodePoint } from '../printers/json.ts'
import { objectPrinter } from '../printers/object-printer.ts'
import { alignTabs, tableTabs } from '../printers/tab-writer.ts'
import { throwAll, UsageError } from '../usage-error.ts'

export interface ConfigDeps {
  readonly kubeconfig: Kubeconfig
  readonly print: (text: string) => void
}

export interface ViewOptions {
  /** With certificates, keys and tokens. */
  readonly raw?: boolean
  /** Only what the current context uses. */
  readonly minify?: boolean
  readonly output?: string
}

/** `kvorum config view`: the kubeconfig, without its secrets. */
export function viewConfig({ kubeconfig, print }: ConfigDeps, options: ViewOptions): void {
  const config = options.minify === true ? minified(kubeconfig.merged) : kubeconfig.merged
  print(objectPrinter(options.output ?? 'yaml')(options.raw === true ? config : redacted(config)))
}

const omitted: Readonly<Record<string, string>> = {
  'certificate-authority-data': 'DATA+OMITTED',
  'client-certificate-data': 'DATA+OMITTED',
  'client-key-data': 'DATA+OMITTED',
  token: 'REDACTED',
  password: 'REDACTED',
}

function redacted(config: JsonObject): JsonObject {
  return JSON.parse(JSON.stringify(config), (key, value: unknown) =>
    typeof value === 'string' && Object.hasOwn(omitted, key) ? omitted[key] : value,
  ) as JsonObject
}

function minified(config: JsonObject): JsonObject {
  const name = text(config['current-context'])
  const found = entriesOf(config['contexts']).find((entry) => entry['name'] === name)
  if (found === undefined) throw new UsageError('current-context must exist in order to minify')
  const { cluster, user } = isJsonObject(found['context']) ? found['context'] : ({} as JsonObject)
  const only = (list: 'clusters' | 'users', wanted: unknown) =>
    entriesOf(config[list]).filter((entry) => entry['name'] === wanted)
  return { ...config, contexts: [found], clusters: only('clusters', cluster), users: only('users', user) }
}

/** `kvorum config current-context` */
export function currentContext({ kubeconfig, print }: ConfigDeps): void {
  const name = text(kubeconfig.merged['current-context'])
  if (name === '') throw new UsageError('current-context is not set')
  print(`${name}\n`)
}

export interface GetContextsOptions {
  readonly output?: string
  readonly headers: boolean
}

/** `kvorum config get-contexts`: all of them, or the named ones. */
export function getContexts(
  { kubeconfig, print }: ConfigDeps,
  names: readonly string[],
  { output = '', headers }: GetContextsOptions,
): void {
  if (output !== '' && output !== 'name')
    throw new UsageError(`output must be one of '' or 'name': ${output}`)
  const all = entriesOf(kubeconfig.merged['contexts'])
  const known = (name: string) => all.some((entry) => entry['name'] === name)
  const shown = all.filter((entry) => names.length === 0 || names.includes(text(entry['name'])))
  const sorted = shown.toSorted((a, b) => byCodePoint(text(a['name']), text(b['name'])))
  const head = ['CURRENT', 'NAME', 'CLUSTER', 'AUTHINFO', 'NAMESPACE']
  const rows = sorted.map((entry) => contextRow(entry, text(kubeconfig.merged['current-context'])))
  const lines = (headers ? [head, ...rows] : rows).map((row) => `${row.join('\t')}\n`).join('')
  if (output === 'name') print(sorted.map((entry) => `${text(entry['name'])}\n`).join(''))
  else print(alignTabs(lines, tableTabs))
  throwAll(names.filter((name) => !known(name)).map((name) => new UsageError(`context ${name} not found`)))
}

function contextRow(entry: JsonObject, current: string): string[] {
  const name = text(entry['name'])
  const { cluster, user, namespace } = isJsonObject(entry['context']) ? entry['context'] : ({} as JsonObject)
  return [name === current ? '*' : '', name, text(cluster), text(user), text(namespace)]
}

/** `kvorum config use-context`: which context commands work with from now on. */
export async function useContext({ kubeconfig, print }: ConfigDeps, name: string): Promise<void> {
  if (!entriesOf(kubeconfig.merged['contexts']).some((entry) => entry['name'] === name))
    throw new UsageError(`no context exists with the name: "${name}"`)
  const { files } = kubeconfig
  const holds = files.find(({ document }) => text(document.get('current-context') as never) !== '')
  const file = holds ?? files[0]
  if (file === undefined) throw new UsageError('there is no kubeconfig to change')
  file.document.set('current-context', name)
  await saveKubeconfig(file.path, file.document)
  print(`Switched to context "${name}".\n`)
}

/** `kvorum config set-context --current --namespace=…`: the namespace of a context that exists. */
export async function setContextNamespace(
  { kubeconfig, print }: ConfigDeps,
  name: string | undefined,
  namespace: string,
): Promise<void> {
  const wanted = name ?? text(kubeconfig.merged['current-context'])
  for (const { path, document } of kubeconfig.files) {
    const contexts = document.get('contexts')
    if (!isSeq(contexts)) continue
    for (const entry of contexts.items) {
      if (!isMap(entry) || entry.get('name') !== wanted) continue
      entry.setIn(['context', 'namespace'], namespace)
      await saveKubeconfig(path, document)
      print(`Context "${wanted}" modified.\n`)
      return
    }
  }
  throw new UsageError(`no context exists with the name: "${wanted}"`)
}
