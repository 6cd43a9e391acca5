import { placements, type NodeGraph } from '../authorization/node-graph.ts'
import { vertex } from '../authorization/node-references.ts'
import { textAt, type KubeObject } from '../registry/kube-object.ts'
import type { NodeWrite } from './node-restriction.ts'
import { onlyFinalizersChange } from './only-changes.ts'
import { refusal } from './refusal.ts'

/** The finalizers that stand for what a daemon holds on its host. */
const finalizers: Readonly<Record<string, readonly string[]>> = {
  virtualmachineinstances: ['kvorum.dev/domain'],
  disks: ['kvorum.dev/disk'],
  images: ['kvorum.dev/image'],
}

/**
 * Runs, disks and images: a daemon writes the status and its finalizer of what is on its host. A disk that no host has
 * yet becomes its host's when a run there needs it.
 */
export async function checkPlaced({ host, request }: NodeWrite, graph: NodeGraph): Promise<void> {
  const { definition, object, current, subresource, operation } = request
  const { plural } = definition
  if (operation !== 'UPDATE' || object === undefined || current === undefined) {
    throw refusal(request, `a daemon may neither make nor delete ${plural}`)
  }
  const placedOn = placementOf(plural, current)
  if (placedOn !== host && !(await mayClaim({ host, request }, graph, current)))
    throw refusal(request, `it is not on host ${host}`)
  if (subresource === 'status') {
    if (placementOf(plural, object) !== host)
      throw refusal(request, 'a daemon may not give it to another host')
  } else if (!onlyFinalizersChange(object, current, finalizers[plural] ?? [])) {
    throw refusal(request, 'a daemon may only write its status, and the finalizer that it is held by')
  }
}

async function mayClaim(
  { host, request }: NodeWrite,
  graph: NodeGraph,
  { metadata, status = {} }: KubeObject,
): Promise<boolean> {
  const { definition, subresource, signal } = request
  if (definition.plural !== 'disks' || subresource !== 'status') return false
  if (textAt(status, 'hostName') !== '') return false
  const { namespace = '', name = '' } = metadata
  return await graph.concernsNow(host, vertex('disks', namespace, name), signal)
}

function placementOf(plural: string, object: KubeObject): string {
  return textAt(object, ...(placements[plural] ?? []))
}
