import { isNotFound } from '../../apimachinery/status-error.ts'
import type { CommandContext } from '../context.ts'
import { pathOf, qualifiedSingular } from '../discovery.ts'
import { identityOf } from '../object-metadata.ts'
import { type Manifest, readManifests } from '../read-manifests.ts'

export interface ApplyOptions {
  readonly filename: readonly string[]
  readonly recursive?: boolean
  readonly forceConflicts?: boolean
  readonly dryRun?: string
}

/** `kvorum apply`: server-side apply of every object, what others depend on first. */
export async function apply(context: CommandContext, options: ApplyOptions): Promise<void> {
  const manifests = await readManifests(options.filename, options.recursive === true)
  for (const manifest of manifests.toSorted((a, b) => rank(a) - rank(b)))
    await applyOne(context, manifest, options)
}

async function applyOne(context: CommandContext, { object }: Manifest, options: ApplyOptions): Promise<void> {
  const resource = (await context.discovery()).byKind(object.apiVersion, object.kind)
  const { name, namespace = context.namespace } = object.metadata
  const path = pathOf(resource, {
    name,
    namespace: typeof namespace === 'string' ? namespace : context.namespace,
  })
  const before = await context.api
    .json({ method: 'GET', path })
    .then((body) => identityOf(body).resourceVersion, ignoreNotFound)
  const body = await context.api.json({
    method: 'PATCH',
    path,
    query: {
      fieldManager: 'kvorum',
      fieldValidation: 'Strict',
      force: options.forceConflicts === true ? 'true' : 'false',
      dryRun: options.dryRun === 'server' ? 'All' : undefined,
    },
    contentType: 'application/apply-patch+yaml',
    body: object,
  })
  const what =
    before === undefined
      ? 'created'
      : identityOf(body).resourceVersion === before
        ? 'unchanged'
        : 'configured'
  context.print(
    `${qualifiedSingular(resource)}/${name} ${what}${options.dryRun === 'server' ? ' (server dry run)' : ''}\n`,
  )
}

// Definitions and namespaces must be there before what is written in their terms.
function rank({ object }: Manifest): number {
  if (object.kind === 'CustomResourceDefinition') return 0
  return object.kind === 'Namespace' ? 1 : 2
}

function ignoreNotFound(error: unknown): undefined {
  if (!isNotFound(error)) throw error
}
