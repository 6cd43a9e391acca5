import { isNotFound } from '../../apimachinery/status-error.ts'
import type { CommandContext } from '../context.ts'
import { pathOf, qualifiedSingular } from '../discovery.ts'
import { readManifests } from '../read-manifests.ts'
import { parseTargets, type Target } from '../targets.ts'
import { UsageError } from '../usage-error.ts'
import { parseDuration, parseGoal, waitFor } from './wait.ts'

export interface DeleteOptions {
  readonly filename?: readonly string[]
  readonly recursive?: boolean
  readonly ignoreNotFound?: boolean
  readonly wait: boolean
  readonly timeout: string
}

type Named = Target & { readonly name: string; readonly namespace: string }

/** `kvorum delete`: and waits until the objects are gone, finalizers and all. */
export async function deleteObjects(
  context: CommandContext,
  args: readonly string[],
  options: DeleteOptions,
): Promise<void> {
  const targets = await findTargets(context, args, options)
  const deleted: Named[] = []
  for (const target of targets) {
    const path = pathOf(target.resource, target)
    try {
      await context.api.json({ method: 'DELETE', path, body: { propagationPolicy: 'Background' } })
    } catch (error) {
      if (options.ignoreNotFound === true && isNotFound(error)) continue
      throw error
    }
    context.print(`${qualifiedSingular(target.resource)} "${target.name}" deleted\n`)
    deleted.push(target)
  }
  if (!options.wait) return
  const gone = parseGoal('delete')
  for (const target of deleted) {
    await waitFor({ ...context, namespace: target.namespace }, target, gone, parseDuration(options.timeout))
  }
}

async function findTargets(
  context: CommandContext,
  args: readonly string[],
  options: DeleteOptions,
): Promise<Named[]> {
  const discovery = await context.discovery()
  if (options.filename !== undefined) {
    const manifests = await readManifests(options.filename, options.recursive === true)
    return manifests.map(({ object }) => {
      const { name, namespace } = object.metadata
      const resource = discovery.byKind(object.apiVersion, object.kind)
      return { resource, name, namespace: typeof namespace === 'string' ? namespace : context.namespace }
    })
  }
  return parseTargets(discovery, args).map(({ resource, name }) => {
    if (name === undefined) throw new UsageError('delete needs names: TYPE NAME or TYPE/NAME')
    return { resource, name, namespace: context.namespace }
  })
}
