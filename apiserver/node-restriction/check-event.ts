import type { NodeGraph } from '../authorization/node-graph.ts'
import { vertex } from '../authorization/node-references.ts'
import { objectAt, textAt, type KubeObject } from '../registry/kube-object.ts'
import type { ResourceMap } from '../registry/resource-map.ts'
import type { NodeWrite } from './node-restriction.ts'
import { refusal } from './refusal.ts'

export interface EventDeps {
  readonly graph: NodeGraph
  readonly resources: ResourceMap
}

/** A daemon tells, under its own name, of its host and of what is or was on it. */
export async function checkEvent({ host, request }: NodeWrite, deps: EventDeps): Promise<void> {
  const { object, current, operation } = request
  if (operation === 'DELETE' || object === undefined) throw refusal(request, 'a daemon may not delete events')
  for (const state of current === undefined ? [object] : [object, current]) {
    if (reporterOf(state) !== host)
      throw refusal(request, `host ${host} may only write events that it reports itself`)
  }
  if (!(await isAboutOwn(host, object, request.signal, deps)))
    throw refusal(request, `host ${host} may only write events about itself and what is placed on it`)
}

function reporterOf(event: KubeObject): string {
  return textAt(event, 'reportingInstance') || textAt(event, 'source', 'host')
}

async function isAboutOwn(
  host: string,
  event: KubeObject,
  signal: AbortSignal,
  { graph, resources }: EventDeps,
): Promise<boolean> {
  const about = 'regarding' in event ? objectAt(event, 'regarding') : objectAt(event, 'involvedObject')
  const [group = ''] = textAt(about, 'apiVersion').split('/')
  const definition = resources.findKind(group, textAt(about, 'kind'))
  if (definition === undefined || group !== 'kvorum.dev') return false
  const [namespace, name] = [textAt(about, 'namespace'), textAt(about, 'name')]
  if (definition.plural === 'hosts') return name === host
  const object = vertex(definition.plural, definition.namespaced ? namespace : '', name)
  return graph.concernedLately(host, object) || (await graph.concernsNow(host, object, signal))
}
