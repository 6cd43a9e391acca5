import { createHash } from 'node:crypto'
import { isNotFound } from '../../apimachinery/status-error.ts'
import { version } from '../../apimachinery/version.ts'
import type { JsonObject } from '../../crds/meta/json.ts'
import type { CommandContext } from '../context.ts'
import { apiVersionOf, type Discovery, pathOf, qualifiedPlural, type ServedResource } from '../discovery.ts'
import { metadataOf, texts } from '../object-metadata.ts'
import type { DryRun } from '../printers/result.ts'
import type { Manifest } from '../read-manifests.ts'
import { findObject, type Named, placeOf, readObject } from '../selection.ts'
import { UsageError } from '../usage-error.ts'

/*
 * Labels and annotations of KEP-3659: a parent object remembers the kinds and namespaces of a set, and each member
 * carries the set's id, so that what is no longer applied can be found and deleted.
 */
const idLabel = 'applyset.kubernetes.io/id'
const partOfLabel = 'applyset.kubernetes.io/part-of'
const parentTypeLabel = 'applyset.kubernetes.io/is-parent-type'
const toolingAnnotation = 'applyset.kubernetes.io/tooling'
const kindsAnnotation = 'applyset.kubernetes.io/contains-group-kinds'
const namespacesAnnotation = 'applyset.kubernetes.io/additional-namespaces'

const tool = 'kvorum'
const fieldManager = 'kvorum-applyset'

/** The contents of a set: `Kind.group` and namespaces beside the parent's. */
interface Contents {
  readonly kinds: ReadonlySet<string>
  readonly namespaces: ReadonlySet<string>
}

/** A parent object and what belongs to it. */
export class ApplySet {
  readonly parent: Named
  readonly id: string
  /** What the set may contain while it is applied: what it contained, and what is being applied. */
  readonly contents: Contents
  readonly #dryRun: DryRun

  constructor(parent: Named, contents: Contents, dryRun: DryRun) {
    this.parent = parent
    this.id = idOf(parent)
    this.contents = contents
    this.#dryRun = dryRun
  }

  /** The object as a member of the set. Throws UsageError for what already belongs to another one. */
  member(object: Manifest['object'], before: JsonObject | undefined): Manifest['object'] {
    const owner = texts(metadataOf(before)['labels'])[partOfLabel]
    if (owner !== undefined && owner !== this.id) {
      throw new UsageError(
        `${object.kind} ${object.metadata.name} belongs to another apply set, ${owner}: ` +
          `remove its label ${partOfLabel} first`,
      )
    }
    const labels = { ...texts(object.metadata['labels']), [partOfLabel]: this.id }
    return { ...object, metadata: { ...object.metadata, labels } }
  }

  get memberSelector(): string {
    return `${partOfLabel}=${this.id}`
  }

  /** Stores what the set contains; the parent is made when there is none. */
  async save(context: CommandContext, { kinds, namespaces }: Contents): Promise<void> {
    if (this.#dryRun !== 'none') return
    const { resource, name, namespace } = this.parent
    await context.api.json({
      method: 'PATCH',
      path: pathOf(resource, this.parent),
      query: { fieldManager, force: 'true' },
      contentType: 'application/apply-patch+yaml',
      body: {
        apiVersion: apiVersionOf(resource),
        kind: resource.kind,
        metadata: {
          name,
          ...(namespace !== undefined && { namespace }),
          labels: { [idLabel]: this.id },
          annotations: {
            [toolingAnnotation]: `${tool}/v${version}`,
            [kindsAnnotation]: [...kinds].toSorted().join(','),
            [namespacesAnnotation]: [...namespaces]
              .filter((one) => one !== namespace)
              .toSorted()
              .join(','),
          },
        },
      },
    })
  }
}

interface OpenOptions {
  readonly dryRun: DryRun
  readonly manifests: readonly Manifest[]
}

/**
 * Finds or makes the parent, and stores there what is about to be applied, so that nothing of it can be forgotten.
 * Throws UsageError for a parent that is not ours.
 */
export async function openApplySet(
  context: CommandContext,
  reference: string,
  { dryRun, manifests }: OpenOptions,
): Promise<ApplySet> {
  const parent = parentOf(context, await context.discovery(), reference)
  await checkParentType(context, parent.resource)
  const before = await findObject(context, parent)
  if (before !== undefined) checkParent(parent, before)
  else if (!mayBeMade(parent.resource))
    throw new UsageError(
      `apply set parent ${reference} is not there; only Secrets and ConfigMaps are made for it`,
    )
  const old = contentsOf(before)
  const contents = await withManifests(context, old, manifests)
  const set = new ApplySet(parent, contents, dryRun)
  await set.save(context, contents)
  return set
}

/** `name` of a Secret, or `type/name`. */
function parentOf(context: CommandContext, discovery: Discovery, reference: string): Named {
  const [first = '', second, ...rest] = reference.split('/')
  const [type, name] = second === undefined ? ['secrets', first] : [first, second]
  if (name === '' || type === '' || rest.length > 0)
    throw new UsageError(`--applyset takes NAME (of a Secret) or TYPE/NAME, not "${reference}"`)
  const resource = discovery.byName(type)
  return { resource, name, namespace: resource.namespaced ? context.namespace : undefined }
}

function mayBeMade({ group, kind }: ServedResource): boolean {
  return group === '' && (kind === 'Secret' || kind === 'ConfigMap')
}

async function checkParentType(context: CommandContext, resource: ServedResource): Promise<void> {
  if (mayBeMade(resource)) return
  const definitions = (await context.discovery()).findKind(
    'apiextensions.k8s.io/v1',
    'CustomResourceDefinition',
  )
  const name = qualifiedPlural(resource)
  const definition =
    definitions &&
    (await readObject(context, { resource: definitions, name }).catch((error: unknown) => {
      if (!isNotFound(error)) throw error
      return undefined
    }))
  if (texts(metadataOf(definition)['labels'])[parentTypeLabel] === 'true') return
  throw new UsageError(
    `a ${resource.kind} cannot be the parent of an apply set: use a Secret, a ConfigMap, ` +
      `or label the definition ${name} with ${parentTypeLabel}=true`,
  )
}

function checkParent(parent: Named, object: JsonObject): void {
  const what = `apply set parent ${parent.resource.plural}/${parent.name}`
  const { labels, annotations } = metadataOf(object)
  const id = texts(labels)[idLabel]
  if (id === undefined)
    throw new UsageError(`${what} is there and has no label ${idLabel}: choose another name`)
  if (id !== idOf(parent)) throw new UsageError(`${what} carries the id ${id} of another set`)
  const tooling = texts(annotations)[toolingAnnotation] ?? ''
  if (tooling.split('/')[0] !== tool) {
    throw new UsageError(`${what} is managed by ${tooling || 'an unknown tool'}, not by ${tool}`)
  }
}

/** Version 1 of the KEP's ids. */
function idOf({ resource, name, namespace = '' }: Named): string {
  const words = [name, namespace, resource.kind, resource.group].join('.')
  return `applyset-${createHash('sha256').update(words).digest('base64url')}-v1`
}

function contentsOf(parent: JsonObject | undefined): Contents {
  const annotations = texts(metadataOf(parent)['annotations'])
  const words = (key: string) => new Set((annotations[key] ?? '').split(',').filter((word) => word !== ''))
  return { kinds: words(kindsAnnotation), namespaces: words(namespacesAnnotation) }
}

export function groupKind({ kind, group }: Pick<ServedResource, 'kind' | 'group'>): string {
  return group === '' ? kind : `${kind}.${group}`
}

/** A kind that is not served yet comes with a definition among the manifests. */
async function withManifests(
  context: CommandContext,
  old: Contents,
  manifests: readonly Manifest[],
): Promise<Contents> {
  const kinds = new Set(old.kinds)
  const namespaces = new Set(old.namespaces)
  const discovery = await context.discovery()
  for (const manifest of manifests) {
    const { apiVersion, kind, metadata } = manifest.object
    if (texts(metadata['labels'])[partOfLabel] !== undefined)
      throw new UsageError(`${manifest.source}: the label ${partOfLabel} is set by --applyset`)
    kinds.add(groupKind({ kind, group: apiVersion.includes('/') ? (apiVersion.split('/')[0] ?? '') : '' }))
    if (discovery.findKind(apiVersion, kind) === undefined) {
      if (typeof metadata['namespace'] === 'string') namespaces.add(metadata['namespace'])
      continue
    }
    const { namespace } = await placeOf(context, manifest)
    if (namespace !== undefined) namespaces.add(namespace)
  }
  return { kinds, namespaces }
}
