import { jsonEqual } from '../../apimachinery/patch/json-equal.ts'
import { objectAt, type KubeObject } from '../registry/kube-object.ts'
import type { NodeWrite } from './node-restriction.ts'
import { refusal } from './refusal.ts'

/** Labels that people choose hosts by when it matters that no host can choose itself. */
const protectedDomain = 'node-restriction.kvorum.dev'
/** Kubernetes' and our own domains are theirs; these are what a daemon says about itself. */
const reservedDomains = ['kubernetes.io', 'k8s.io', 'kvorum.dev']
const ownLabels = new Set(['kubernetes.io/hostname', 'kubernetes.io/arch', 'kubernetes.io/os'])

/** The parts of a new Host that its daemon may fill in; everything else is for people to decide. */
const firstSpec = new Set(['hostCluster', 'schedulable'])

/** A daemon registers its own Host once, and from then on writes its status and its own labels. */
export function checkHost({ host, request }: NodeWrite): void {
  const { operation, object, current, subresource } = request
  const name = object?.metadata.name ?? request.name
  if (name !== host) throw refusal(request, `host ${host} may only write its own Host`)
  if (operation === 'DELETE') throw refusal(request, 'a daemon may not delete its Host')
  if (object === undefined || subresource === 'status') return
  const labels = changedLabels(object, current).filter(isReserved)
  if (labels.length > 0) {
    throw refusal(request, `a daemon may not set these labels of its Host: ${labels.join(', ')}`)
  }
  if (current === undefined) checkNew(request, object)
  else checkChange(request, object, current)
}

function checkNew(request: NodeWrite['request'], object: KubeObject): void {
  const decided = Object.keys(objectAt(object, 'spec')).filter((field) => !firstSpec.has(field))
  if (decided.length > 0) {
    throw refusal(request, `a daemon may not decide about its Host: spec.${decided.join(', spec.')}`)
  }
  const { ownerReferences, finalizers } = object.metadata
  if (ownerReferences?.length || finalizers?.length) {
    throw refusal(request, 'a daemon may give its Host neither owners nor finalizers')
  }
}

function checkChange(request: NodeWrite['request'], object: KubeObject, current: KubeObject): void {
  if (!jsonEqual(objectAt(object, 'spec'), objectAt(current, 'spec'))) {
    throw refusal(request, 'a daemon may not change the spec of its Host')
  }
  for (const field of ['ownerReferences', 'finalizers'] as const) {
    if (!jsonEqual(object.metadata[field] ?? [], current.metadata[field] ?? [])) {
      throw refusal(request, `a daemon may not change metadata.${field} of its Host`)
    }
  }
}

function changedLabels({ metadata }: KubeObject, current: KubeObject | undefined): string[] {
  const next = metadata.labels ?? {}
  const before = current?.metadata.labels ?? {}
  const names = new Set([...Object.keys(next), ...Object.keys(before)])
  return [...names].filter((name) => next[name] !== before[name])
}

function isReserved(label: string): boolean {
  if (ownLabels.has(label)) return false
  const domain = label.includes('/') ? (label.split('/')[0] ?? '') : ''
  const within = (parent: string) => domain === parent || domain.endsWith(`.${parent}`)
  return within(protectedDomain) || reservedDomains.some(within)
}
