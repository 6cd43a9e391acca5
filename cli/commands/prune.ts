import { isNotFound } from '../../apimachinery/status-error.ts'
import { isJsonObject, type JsonObject } from '../../crds/meta/json.ts'
import type { CommandContext } from '../context.ts'
import { pathOf, type ServedResource } from '../discovery.ts'
import { identityOf, metadataOf } from '../object-metadata.ts'
import { dryRunOf, type ResultOptions, resultPrinter } from '../printers/result.ts'
import { expand, type Found, type Named } from '../selection.ts'
import { UsageError } from '../usage-error.ts'
import { type ApplySet, groupKind } from './apply-set.ts'

/** What pruning must leave alone. */
type Applied = readonly { readonly place: Named }[]

const keyOf = ({ resource, namespace = '', name }: Named) => `${groupKind(resource)}/${namespace}/${name}`

/** Deletes the members of the set that were not applied, and remembers what the set now contains. */
export async function pruneApplySet(
  context: CommandContext,
  set: ApplySet,
  applied: Applied,
  options: ResultOptions,
): Promise<void> {
  const places = [set.parent.namespace, ...set.contents.namespaces]
  const resources = (await context.discovery()).preferred()
  const kinds = [...set.contents.kinds].flatMap(
    (kind) => resources.find((resource) => groupKind(resource) === kind) ?? [],
  )
  const members = await membersOf(context, kinds, places, set.memberSelector)
  await deleteOthers(context, members, applied, options)
  await set.save(context, {
    kinds: new Set(applied.map(({ place }) => groupKind(place.resource))),
    namespaces: new Set(applied.flatMap(({ place }) => place.namespace ?? [])),
  })
}

export interface PruneOptions extends ResultOptions {
  readonly selector?: string
  readonly fieldManager?: string
  readonly pruneAllowlist?: readonly string[]
}

/**
 * Deletes what matches the selector, was applied by this field manager and was not applied now. Looks at the kinds of
 * the allow list, else at the kinds that were applied, in the namespaces that were applied to.
 */
export async function prune(context: CommandContext, applied: Applied, options: PruneOptions): Promise<void> {
  const kinds =
    options.pruneAllowlist === undefined
      ? [...new Set(applied.map(({ place }) => place.resource))]
      : await allowed(context, options.pruneAllowlist)
  const places = applied.map(({ place }) => place.namespace)
  const found = await membersOf(context, kinds, [context.namespace, ...places], options.selector)
  const manager = options.fieldManager ?? 'kvorum'
  const ours = found.filter(({ object }) => appliedBy(object, manager))
  await deleteOthers(context, ours, applied, options)
}

async function allowed(context: CommandContext, list: readonly string[]): Promise<ServedResource[]> {
  const discovery = await context.discovery()
  return list.map((entry) => {
    const [group = '', version = '', kind = '', ...rest] = entry.split('/')
    const apiVersion = group === 'core' || group === '' ? version : `${group}/${version}`
    const resource = rest.length > 0 ? undefined : discovery.findKind(apiVersion, kind)
    if (resource === undefined)
      throw new UsageError(`--prune-allowlist ${entry}: write group/version/Kind of a kind that is served`)
    return resource
  })
}

async function membersOf(
  context: CommandContext,
  resources: readonly ServedResource[],
  namespaces: readonly (string | undefined)[],
  selector: string | undefined,
): Promise<Found[]> {
  const found: Found[] = []
  for (const resource of resources) {
    const places = resource.namespaced ? new Set(namespaces.filter((one) => one !== undefined)) : [undefined]
    for (const namespace of places) {
      const wanted = { resource, namespace, name: undefined }
      found.push(...(await expand(context, wanted, selector === undefined ? {} : { selector })))
    }
  }
  return found
}

function appliedBy(object: JsonObject, manager: string): boolean {
  const { managedFields } = metadataOf(object)
  if (!Array.isArray(managedFields)) return false
  return managedFields.some(
    (entry) => isJsonObject(entry) && entry['manager'] === manager && entry['operation'] === 'Apply',
  )
}

async function deleteOthers(
  context: CommandContext,
  found: readonly Found[],
  applied: Applied,
  options: ResultOptions,
): Promise<void> {
  const kept = new Set(applied.map(({ place }) => keyOf(place)))
  const tell = resultPrinter(context, options.output === 'name' ? options : { ...options, output: '' })
  for (const member of found) {
    if (kept.has(keyOf(member)) || metadataOf(member.object)['deletionTimestamp'] !== undefined) continue
    if (dryRunOf(options) === 'none') await deleteExactly(context, member)
    if (options.output === undefined || options.output === 'name') tell(member, member.object, 'pruned')
  }
}

/** Not another object that has got the same name since it was listed. */
async function deleteExactly(context: CommandContext, member: Found): Promise<void> {
  const path = pathOf(member.resource, member)
  const body = { propagationPolicy: 'Background', preconditions: { uid: identityOf(member.object).uid } }
  await context.api.json({ method: 'DELETE', path, body }).catch((error: unknown) => {
    if (!isNotFound(error)) throw error
  })
}
