import type { Command } from 'commander'
import { isJsonObject } from '../../crds/meta/json.ts'
import type { ConnectOptions } from '../connect.ts'
import type { CommandContext } from '../context.ts'
import { pathOf, qualifiedPlural, type ServedResource } from '../discovery.ts'
import { identityOf, text } from '../object-metadata.ts'

/** A word that a shell may offer. */
export interface Candidate {
  readonly word: string
  readonly description?: string | undefined
}

const namesOnly =
  'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json;as=Table;v=v1;g=meta.k8s.io,application/json'
const maxNames = '500'

/** Words that only the server knows. */
export class LiveCandidates {
  readonly #context: CommandContext

  constructor(context: CommandContext) {
    this.#context = context
  }

  async namespaces(): Promise<Candidate[]> {
    return this.names('namespaces')
  }

  /** Kinds by the shortest names that people type, and categories. */
  async types(): Promise<Candidate[]> {
    const { resources, preferred } = await this.#served()
    const taken = new Set<string>()
    const full = preferred.map((resource): Candidate => {
      // The second of two resources with the same name is only reached by its group.
      const word = taken.has(resource.plural) ? qualifiedPlural(resource) : resource.plural
      taken.add(resource.plural)
      const short = resource.shortNames.length > 0 ? ` (${resource.shortNames.join(', ')})` : ''
      return { word, description: `${resource.kind}${short}` }
    })
    return [...full, ...shortNames(resources)]
  }

  /** What may follow `before`: a type, `TYPE/NAME`, or names of the type that stands first. */
  async targets(before: readonly string[], current: string): Promise<Candidate[]> {
    const [first] = before
    const slash = current.indexOf('/')
    if (slash !== -1) {
      const type = current.slice(0, slash)
      return (await this.names(type)).map(({ word }) => ({ word: `${type}/${word}` }))
    }
    if (first === undefined) return this.types()
    if (first.includes('/')) return []
    const used = new Set(before.slice(1))
    return (await this.names(first)).filter(({ word }) => !used.has(word))
  }

  /** Names of machines, or `vm/NAME` when that is how it begins. */
  async machines(current: string): Promise<Candidate[]> {
    return current.includes('/') ? this.targets([], current) : this.names('virtualmachines.kvorum.dev')
  }

  async names(type: string): Promise<Candidate[]> {
    const discovery = await this.#context.discovery()
    const resource = discovery.find(type.split(',')[0] ?? '')
    if (resource === undefined) return []
    const list = await this.#context.api.json({
      method: 'GET',
      path: pathOf(resource, { namespace: this.#context.namespace }),
      query: { limit: maxNames },
      accept: namesOnly,
      signal: this.#context.signal,
    })
    const items = isJsonObject(list) && Array.isArray(list['items']) ? list['items'] : []
    return items.map((item) => ({ word: identityOf(item).name })).filter(({ word }) => word !== '')
  }

  async #served(): Promise<{ resources: readonly ServedResource[]; preferred: ServedResource[] }> {
    const discovery = await this.#context.discovery()
    const preferred = discovery.preferred().filter(({ verbs }) => verbs.includes('list'))
    return { resources: discovery.resources, preferred }
  }
}

function shortNames(resources: readonly ServedResource[]): Candidate[] {
  const ours = resources.filter(({ categories }) => categories.includes('kvorum'))
  return ours.flatMap(({ kind, shortNames: names, plural }) =>
    names.filter((word) => word !== plural).map((word) => ({ word, description: kind })),
  )
}

/** The contexts of the kubeconfig. */
export async function contextCandidates(
  command: Command,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Candidate[]> {
  const { entriesOf, readKubeconfig } = await import('../kubeconfig-file.ts')
  const { kubeconfigPath } = await import('../own-kubeconfig.ts')
  const { kubeconfig } = command.optsWithGlobals<ConnectOptions>()
  const { merged } = await readKubeconfig(kubeconfigPath(kubeconfig, env), env)
  return entriesOf(merged['contexts']).map((entry) => ({ word: text(entry['name']) }))
}
