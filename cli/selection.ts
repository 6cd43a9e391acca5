import { isJsonObject, type JsonObject } from '../crds/meta/json.ts'
import { isNotFound } from '../apimachinery/status-error.ts'
import type { ApiRequest } from './api.ts'
import type { CommandContext } from './context.ts'
import { apiVersionOf, pathOf, type Place, type ServedResource } from './discovery.ts'
import { identityOf } from './object-metadata.ts'
import { type Manifest, type ManifestOptions, readSources } from './read-manifests.ts'
import { parseTargets } from './targets.ts'
import { UsageError } from './usage-error.ts'

/** Which objects a command is about: what stands on its command line beside the names. */
export interface SelectionOptions extends ManifestOptions {
  readonly selector?: string
  readonly fieldSelector?: string
  readonly allNamespaces?: boolean
  /** All objects of the named resources. */
  readonly all?: boolean
}

/** A resource, or one object of it, in one place. */
export interface Wanted {
  readonly resource: ServedResource
  /** Undefined for all namespaces, and for what is in none. */
  readonly namespace: string | undefined
  /** Undefined: all that the selectors leave. */
  readonly name: string | undefined
  /** The manifest that named it. */
  readonly manifest?: Manifest
}

export type Named = Wanted & { readonly name: string }

/** An object as the server has it. */
export type Found = Named & { readonly object: JsonObject }

/** What the arguments or `-f` and `-k` name. Throws UsageError for a mixture that means nothing. */
export async function select(
  context: CommandContext,
  args: readonly string[],
  options: SelectionOptions,
): Promise<Wanted[]> {
  if (options.filename !== undefined || options.kustomize !== undefined) {
    if (args.length > 0) {
      throw new UsageError(
        'when paths, URLs, or stdin is provided as input, you may not specify resource arguments as well',
      )
    }
    const manifests = await readSources(context, options)
    return Promise.all(manifests.map((manifest) => placeOf(context, manifest)))
  }
  const targets = parseTargets(await context.discovery(), args)
  const named = targets.some(({ name }) => name !== undefined)
  if (named && hasSelector(options))
    throw new UsageError('name cannot be provided when a selector is specified')
  if (named && options.all === true)
    throw new UsageError("setting 'all' parameter but found a non empty selector or name")
  if (named && options.allNamespaces === true)
    throw new UsageError('a resource cannot be retrieved by name across all namespaces')
  const everywhere = options.allNamespaces === true
  return targets.map(({ resource, name }) => ({
    resource,
    name,
    namespace: resource.namespaced && !everywhere ? context.namespace : undefined,
  }))
}

/** As `select`, but each of what is wanted is an object: with a selector or `all` those that are there. */
export async function selectObjects(
  context: CommandContext,
  args: readonly string[],
  options: SelectionOptions,
): Promise<Found[]> {
  const wanted = await select(context, args, options)
  requireNames(wanted, options)
  const found = await Promise.all(wanted.map((one) => expand(context, one, options)))
  return found.flat()
}

export function requireNames(wanted: readonly Wanted[], options: SelectionOptions): void {
  if (options.all === true || hasSelector(options)) return
  if (wanted.some(({ name }) => name === undefined))
    throw new UsageError('resource(s) were provided, but no name was specified')
}

function hasSelector({ selector, fieldSelector }: SelectionOptions): boolean {
  return (selector ?? '') !== '' || (fieldSelector ?? '') !== ''
}

/** The object, or those of the list. */
export async function expand(
  context: CommandContext,
  wanted: Wanted,
  options: ListOptions = {},
): Promise<Found[]> {
  const { name } = wanted
  if (name !== undefined) return [{ ...wanted, name, object: await readObject(context, { ...wanted, name }) }]
  const objects: Found[] = []
  for await (const page of pagesOf(context, wanted, options)) {
    for (const item of itemsOf(page, wanted.resource)) {
      const identity = identityOf(item)
      const namespace = wanted.resource.namespaced ? identity.namespace : undefined
      objects.push({ resource: wanted.resource, name: identity.name, namespace, object: item })
    }
  }
  return objects
}

export type ListOptions = Pick<SelectionOptions, 'selector' | 'fieldSelector'> & {
  /** Objects per request, 0 for all at once. */
  readonly chunkSize?: number
}

const pageSize = 500

/** The pages of a list, as the server sends them. */
export async function* pagesOf(
  context: CommandContext,
  wanted: Wanted,
  options: ListOptions & { readonly accept?: string; readonly query?: ApiRequest['query'] },
): AsyncGenerator<JsonObject> {
  const { chunkSize = pageSize } = options
  let next: string | undefined
  do {
    const page = await context.api.json({
      method: 'GET',
      path: pathOf(wanted.resource, { namespace: wanted.namespace }),
      query: {
        ...options.query,
        labelSelector: options.selector,
        fieldSelector: options.fieldSelector,
        limit: chunkSize > 0 ? String(chunkSize) : undefined,
        continue: next,
      },
      ...(options.accept !== undefined && { accept: options.accept }),
    })
    if (!isJsonObject(page))
      throw new UsageError(`the server's list of ${wanted.resource.plural} is no object`)
    yield page
    const metadata = isJsonObject(page['metadata']) ? page['metadata'] : {}
    next = typeof metadata['continue'] === 'string' ? metadata['continue'] : undefined
  } while (next !== undefined && next !== '')
}

/** Items of lists do not say what they are; everybody downstream may rely on it. */
export function itemsOf(list: JsonObject, resource: ServedResource): JsonObject[] {
  const items = Array.isArray(list['items']) ? list['items'].filter(isJsonObject) : []
  return items.map((item) => ({ apiVersion: apiVersionOf(resource), kind: resource.kind, ...item }))
}

/** The object itself. */
export async function readObject(
  context: CommandContext,
  { resource, namespace, name, subresource }: { readonly resource: ServedResource } & Place,
): Promise<JsonObject> {
  const body = await context.api.json({
    method: 'GET',
    path: pathOf(resource, { namespace, name, subresource }),
  })
  if (!isJsonObject(body))
    throw new UsageError(`the server's answer for ${resource.plural}/${name ?? ''} is not an object`)
  return body
}

/** The object, or undefined when there is none. */
export async function findObject(context: CommandContext, wanted: Wanted): Promise<JsonObject | undefined> {
  return readObject(context, wanted).catch((error: unknown) => {
    if (!isNotFound(error)) throw error
    return undefined
  })
}

/** Where the object of a manifest is or would be. Throws UsageError for a kind that is not served. */
export async function placeOf(context: CommandContext, manifest: Manifest): Promise<Named> {
  const { apiVersion, kind, metadata } = manifest.object
  const resource = (await context.discovery()).findKind(apiVersion, kind)
  if (resource === undefined) throw noSuchKind(manifest)
  const own = typeof metadata['namespace'] === 'string' ? metadata['namespace'] : ''
  if (resource.namespaced && own !== '' && context.namespaceGiven && own !== context.namespace) {
    throw new UsageError(
      `the namespace from the provided object "${own}" does not match the namespace "${context.namespace}". ` +
        `You must pass '--namespace=${own}' to perform this operation.`,
    )
  }
  const namespace = resource.namespaced ? own || context.namespace : undefined
  return { resource, name: metadata.name, namespace, manifest }
}

export function noSuchKind({ object, source }: Manifest): UsageError {
  const { apiVersion, kind, metadata } = object
  const namespace = typeof metadata['namespace'] === 'string' ? metadata['namespace'] : ''
  return new UsageError(
    `resource mapping not found for name: "${metadata.name}" namespace: "${namespace}" from "${source}": ` +
      `no matches for kind "${kind}" in version "${apiVersion}"\nensure CRDs are installed first`,
  )
}
