import { aDisk, aVirtualMachineInstance } from '../../support/builders.ts'
import { api, fresh, here, object, patch, type ActionRow } from './forbidden-action.ts'

const runsHere = `${here}/virtualmachineinstances`
const leasesPath = '/apis/coordination.k8s.io/v1/namespaces/kvorum-hosts/leases'

export const otherHosts: readonly ActionRow[] = [
  ['list all hosts', 'GET', `${api}/hosts`],
  ['watch all hosts', 'GET', `${api}/hosts?watch=true`],
  ['list another host by selector', 'GET', `${api}/hosts?fieldSelector=metadata.name%3Dhost-2`],
  ['select its own host by what is not it', 'GET', `${api}/hosts?fieldSelector=metadata.name!%3Dhost-1`],
  ['read another host', 'GET', `${api}/hosts/host-2`],
  ['patch another host', 'PATCH', `${api}/hosts/host-2`, () => patch({ metadata: { labels: { a: 'b' } } })],
  [
    'make another host unready',
    'PATCH',
    `${api}/hosts/host-2/status`,
    () => patch({ status: { machines: 9 } }),
  ],
  ['delete another host', 'DELETE', `${api}/hosts/host-2`],
  ['delete all hosts', 'DELETE', `${api}/hosts`],
  ['delete its own host', 'DELETE', `${api}/hosts/host-1`],
  [
    'register a host of another name',
    'POST',
    `${api}/hosts`,
    () => ({ body: object('kvorum.dev/v1alpha1', 'Host', { name: 'host-3' }, { spec: {} }) }),
  ],
  [
    'apply a host of another name',
    'PATCH',
    `${api}/hosts/host-4?fieldManager=x`,
    () => ({
      body: object('kvorum.dev/v1alpha1', 'Host', { name: 'host-4' }, { spec: {} }),
      contentType: 'application/apply-patch+yaml',
    }),
  ],
  [
    'open its host for machines again',
    'PATCH',
    `${api}/hosts/host-1`,
    () => patch({ spec: { schedulable: false } }),
  ],
  [
    'move itself to another cluster',
    'PATCH',
    `${api}/hosts/host-1`,
    () => patch({ spec: { hostCluster: { name: 'gold' } } }),
  ],
  [
    'choose itself by a protected label',
    'PATCH',
    `${api}/hosts/host-1`,
    () => patch({ metadata: { labels: { 'node-restriction.kvorum.dev/zone': 'secure' } } }),
  ],
  [
    'hold its host by a finalizer',
    'PATCH',
    `${api}/hosts/host-1`,
    () => patch({ metadata: { finalizers: ['x.dev/y'] } }),
  ],
  ['list the leases', 'GET', leasesPath],
  ['read the lease of another host', 'GET', `${leasesPath}/host-2`],
  [
    'renew the lease of another host',
    'PATCH',
    `${leasesPath}/host-2`,
    () => patch({ spec: { holderIdentity: 'host-1' } }),
  ],
  ['delete the lease of another host', 'DELETE', `${leasesPath}/host-2`],
  [
    'make a lease of another name',
    'POST',
    leasesPath,
    () => ({
      body: object(
        'coordination.k8s.io/v1',
        'Lease',
        { name: 'host-9', namespace: 'kvorum-hosts' },
        { spec: {} },
      ),
    }),
  ],
  [
    'lead the controllers',
    'POST',
    '/apis/coordination.k8s.io/v1/namespaces/kube-system/leases',
    () => ({
      body: object(
        'coordination.k8s.io/v1',
        'Lease',
        { name: 'controllers', namespace: 'kube-system' },
        { spec: {} },
      ),
    }),
  ],
]

export const otherMachines: readonly ActionRow[] = [
  ['list all runs', 'GET', `${api}/virtualmachineinstances`],
  ['list the runs of a namespace', 'GET', runsHere],
  ['watch all runs', 'GET', `${api}/virtualmachineinstances?watch=1`],
  [
    'list the runs of another host',
    'GET',
    `${api}/virtualmachineinstances?fieldSelector=spec.hostName%3Dhost-2`,
  ],
  [
    'list the runs of every other host',
    'GET',
    `${api}/virtualmachineinstances?fieldSelector=spec.hostName!%3Dhost-1`,
  ],
  ['list what no host has', 'GET', `${api}/virtualmachineinstances?fieldSelector=spec.hostName%3D`],
  ['list runs by phase', 'GET', `${api}/virtualmachineinstances?fieldSelector=status.phase%3DRunning`],
  ['read a run of another host', 'GET', `${runsHere}/run-on-host-2`],
  ['read a run of no host', 'GET', `${runsHere}/waiting`],
  [
    'end a run of another host',
    'PATCH',
    `${runsHere}/run-on-host-2/status`,
    () => patch({ status: { phase: 'Failed' } }),
  ],
  ['take a run of no host', 'PATCH', `${runsHere}/waiting`, () => patch({ spec: { hostName: 'host-1' } })],
  ['delete a run of another host', 'DELETE', `${runsHere}/run-on-host-2`],
  ['delete a run of its own', 'DELETE', `${runsHere}/run-on-host-1`],
  [
    'change the spec of its own run',
    'PATCH',
    `${runsHere}/run-on-host-1`,
    () => patch({ spec: { cpu: { cores: 64 } } }),
  ],
  [
    'label its own run',
    'PATCH',
    `${runsHere}/run-on-host-1`,
    () => patch({ metadata: { labels: { a: 'b' } } }),
  ],
  [
    'own its own run',
    'PATCH',
    `${runsHere}/run-on-host-1`,
    () =>
      patch({ metadata: { ownerReferences: [{ apiVersion: 'v1', kind: 'Secret', name: 'x', uid: 'y' }] } }),
  ],
  [
    'hold its own run by a foreign finalizer',
    'PATCH',
    `${runsHere}/run-on-host-1`,
    () => patch({ metadata: { finalizers: ['x.dev/y'] } }),
  ],
  [
    'make a run',
    'POST',
    runsHere,
    () => ({
      body: {
        ...fresh(aVirtualMachineInstance({ metadata: { name: 'forged' }, spec: { hostName: 'host-1' } })),
      },
    }),
  ],
  ['open the console of a run', 'GET', `${runsHere}/run-on-host-1/console`],
  ['see the screen of a run', 'GET', `${runsHere}/run-on-host-1/screenshot`],
  ['list machines', 'GET', `${api}/virtualmachines`],
  ['stop a machine', 'PATCH', `${here}/virtualmachines/vm-1`, () => patch({ spec: { power: 'Stopped' } })],
  ['delete all runs', 'DELETE', `${runsHere}?fieldSelector=spec.hostName%3Dhost-1`],
]

export const otherStorage: readonly ActionRow[] = [
  ['list all disks', 'GET', `${api}/disks`],
  ['read a disk of another host', 'GET', `${here}/disks/disk-of-host-2`],
  ['read a disk of no host', 'GET', `${here}/disks/disk-of-nobody`],
  [
    'take a disk from another host',
    'PATCH',
    `${here}/disks/disk-of-host-2/status`,
    () => patch({ status: { hostName: 'host-1' } }),
  ],
  [
    'take a disk that no run needs',
    'PATCH',
    `${here}/disks/disk-of-nobody/status`,
    () => patch({ status: { hostName: 'host-1' } }),
  ],
  [
    'give its own disk away',
    'PATCH',
    `${here}/disks/disk-of-host-1/status`,
    () => patch({ status: { hostName: 'host-2' } }),
  ],
  [
    'disown its own disk',
    'PATCH',
    `${here}/disks/disk-of-host-1/status`,
    () => patch({ status: { hostName: null } }),
  ],
  [
    'change the spec of its own disk',
    'PATCH',
    `${here}/disks/disk-of-host-1`,
    () => patch({ spec: { size: '99Gi' } }),
  ],
  ['delete a disk', 'DELETE', `${here}/disks/disk-of-host-1`],
  ['make a disk', 'POST', `${here}/disks`, () => ({ body: fresh(aDisk({ metadata: { name: 'forged' } })) })],
  ['list all images', 'GET', `${api}/images`],
  ['read an image of another host', 'GET', `${here}/images/image-of-host-2`],
  [
    'point its image elsewhere',
    'PATCH',
    `${here}/images/image-of-host-1`,
    () => patch({ spec: { source: { http: { url: 'http://evil.test/x' } } } }),
  ],
  [
    'change a storage domain',
    'PATCH',
    `${api}/storagedomains/default`,
    () => patch({ spec: { local: { path: '/etc' } } }),
  ],
  ['change a network', 'PATCH', `${api}/networks/default`, () => patch({ spec: { mtu: 9000 } })],
  [
    'change a cluster',
    'PATCH',
    `${api}/hostclusters/default`,
    () => patch({ metadata: { labels: { a: 'b' } } }),
  ],
]
