import { StatusError } from '../../../apimachinery/status-error.ts'
import { objectAt, stringsAt, textAt, type KubeObject } from '../kube-object.ts'
import { dnsLabel } from '../names.ts'
import type { PartSubresource } from '../resource-definition.ts'
import { builtIn, statusPart } from './built-in.ts'
import { conditionList, kindSchema, object, strings, text } from './schema-parts.ts'

const nameLabel = 'kubernetes.io/metadata.name'

/** The namespaces every installation starts with. */
export const systemNamespaces = ['default', 'kube-system', 'kube-public', 'kube-node-lease'] as const

const undeletable = new Set(['default', 'kube-system', 'kube-public'])

/** Finalizers of a namespace live in its spec; the lifecycle controller takes its own off through this part. */
const finalizePart: PartSubresource = {
  type: 'part',
  merge(next, current): KubeObject {
    const finalizers = stringsAt(next, 'spec', 'finalizers')
    return { ...current, spec: { ...objectAt(current, 'spec'), finalizers } }
  },
}

export const namespaces = builtIn({
  kind: 'Namespace',
  plural: 'namespaces',
  shortNames: ['ns'],
  namespaced: false,
  schema: kindSchema('A scope for names, and a boundary for access and quota.', {
    spec: object('How the namespace behaves.', {
      finalizers: strings('What has to be cleaned up before the namespace can go.'),
    }),
    status: object('What the namespace is doing.', {
      phase: text('Active or Terminating.'),
      conditions: conditionList('How far the deletion of the contents has got.'),
    }),
  }),
  strategy: {
    nameRule: dnsLabel,
    prepareForCreate(namespace) {
      namespace['spec'] = {
        finalizers: [...new Set([...stringsAt(namespace, 'spec', 'finalizers'), 'kubernetes'])],
      }
      namespace['status'] = { phase: 'Active' }
      labelWithName(namespace)
    },
    prepareForUpdate(next, current) {
      next['spec'] = { ...objectAt(next, 'spec'), finalizers: stringsAt(current, 'spec', 'finalizers') }
      labelWithName(next)
    },
    beginDeletion(namespace) {
      const { name = '' } = namespace.metadata
      if (undeletable.has(name)) throw notDeletable(name)
      namespace['status'] = { ...objectAt(namespace, 'status'), phase: 'Terminating' }
    },
    holdsDeletion: (namespace) => stringsAt(namespace, 'spec', 'finalizers').length > 0,
  },
  subresources: { status: statusPart, finalize: finalizePart },
  selectableFields: { 'status.phase': (namespace) => textAt(namespace, 'status', 'phase') },
})

function labelWithName({ metadata }: KubeObject): void {
  metadata.labels = { ...metadata.labels, [nameLabel]: metadata.name ?? '' }
}

function notDeletable(name: string): StatusError {
  return new StatusError(
    'Forbidden',
    `namespaces ${JSON.stringify(name)} is forbidden: this namespace may not be deleted`,
    { details: { name, kind: 'namespaces' } },
  )
}
