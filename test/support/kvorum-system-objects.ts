/** As much of an object's shape as tests look at. */
export interface KubeObject {
  readonly kind: string
  readonly metadata: {
    readonly name: string
    readonly uid: string
    readonly generation?: number
    readonly resourceVersion: string
  }
  readonly spec?: Readonly<Record<string, unknown>>
  readonly status?: {
    readonly phase?: string
    readonly uuid?: string
    readonly hostName?: string
    readonly ipAddress?: string
    readonly digest?: string
    readonly path?: string
    readonly restarts?: number
    readonly lastRun?: { readonly uid: string; readonly reason: string; readonly message?: string }
    readonly interfaces?: readonly { readonly macAddress: string; readonly ipAddress?: string }[]
    readonly conditions?: readonly KubeCondition[]
  }
}

export interface KubeCondition {
  readonly type: string
  readonly status: string
  readonly reason: string
  readonly message: string
  readonly observedGeneration?: number
}

/** The condition of a type, with empty words while the object does not have it. */
export function conditionOf({ status }: KubeObject, type: string): KubeCondition {
  const found = status?.conditions?.find((condition) => condition.type === type)
  return found ?? { type, status: '', reason: '', message: '' }
}

/** For `waitFor`: the machine runs and is ready. */
export function isReady(object: KubeObject): boolean {
  const { status, observedGeneration } = conditionOf(object, 'Ready')
  const current = observedGeneration === undefined || observedGeneration === object.metadata.generation
  return status === 'True' && current
}

const apiVersion = 'kvorum.dev/v1alpha1'

/** What machines need before they can run: as in manifests/quickstart. */
export const theCluster = { apiVersion, kind: 'HostCluster', metadata: { name: 'default' }, spec: {} }
export const theStorage = {
  apiVersion,
  kind: 'StorageDomain',
  metadata: { name: 'default' },
  spec: { type: 'local' },
}
export const theNetwork = {
  apiVersion,
  kind: 'Network',
  metadata: { name: 'default' },
  spec: { type: 'nat', subnets: [{ cidr: '10.80.0.0/24' }] },
}
export const theImage = anImage('quickstart', { source: { file: { path: 'quickstart.qcow2' } } })
export const theTinyImage = anImage('tiny', { source: { file: { path: 'tiny.raw' } } })
export const thePlatform = [theCluster, theStorage, theNetwork, theImage, theTinyImage]

export function anImage(name: string, spec: object) {
  return { apiVersion, kind: 'Image', metadata: { name, namespace: 'default' }, spec }
}

export function aDisk(name: string, spec: object) {
  return { apiVersion, kind: 'Disk', metadata: { name, namespace: 'default' }, spec }
}

/** A machine with the quickstart guest; ready when its agent reports an address. `spec` replaces whole fields. */
export function aMachine(name: string, spec: object = {}) {
  return {
    apiVersion,
    kind: 'VirtualMachine',
    metadata: { name, namespace: 'default' },
    spec: {
      readiness: 'GuestAgent',
      memory: { size: '128Mi' },
      disks: [{ name: 'root', bootOrder: 1, template: { source: { image: { name: 'quickstart' } } } }],
      interfaces: [{ name: 'eth0', network: { name: 'default' } }],
      ...spec,
    },
  }
}

/**
 * A machine with the smallest guest: it runs in no time, needs next to no processor time and heeds the power button.
 * It has no agent and never asks for an address.
 */
export function aTinyMachine(name: string, spec: object = {}) {
  const disks = [{ name: 'root', bootOrder: 1, template: { source: { image: { name: 'tiny' } } } }]
  return aMachine(name, { readiness: 'Running', memory: { size: '64Mi' }, disks, ...spec })
}
