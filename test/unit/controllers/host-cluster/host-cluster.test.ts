import { expect, test } from 'vitest'
import { hostClusters } from '../../../../apimachinery/client/resources.ts'
import { getCondition } from '../../../../apimachinery/conditions.ts'
import type { KubeObject } from '../../../../crds/meta/object-meta.ts'
import { aHostCluster, aVirtualMachineInstance } from '../../../support/builders.ts'
import { anAttachedHost } from '../support/installation.ts'
import { world } from '../support/world.ts'

const GiB = 1024 ** 3

async function settled(...objects: KubeObject[]) {
  const w = world(aHostCluster(), ...objects)
  await w.settle()
  return w.get(hostClusters, 'default')
}

test('a cluster counts its hosts and adds up what the ready ones have and what is promised', async () => {
  const run = (name: string, hostName: string, phase: 'Running' | 'Succeeded') =>
    aVirtualMachineInstance({ metadata: { name }, spec: { hostName, cpu: { cores: 3 } }, status: { phase } })
  const cluster = await settled(
    anAttachedHost('host-1'),
    anAttachedHost('host-2', { status: { conditions: [] } }),
    anAttachedHost('elsewhere', { spec: { hostCluster: { name: 'other' } } }),
    run('a', 'host-1', 'Running'),
    run('b', 'host-2', 'Running'),
    run('over', 'host-1', 'Succeeded'),
    run('c', 'elsewhere', 'Running'),
  )
  expect(cluster.status).toMatchObject({
    hosts: { total: 2, ready: 1 },
    machines: 2,
    allocatable: { cpus: 8, memoryBytes: 16 * GiB },
    allocated: { cpus: 6, memoryBytes: 2 * GiB },
  })
  expect(getCondition(cluster, 'Ready')).toMatchObject({
    status: 'True',
    reason: 'HostsReady',
    message: '1 of 2 hosts ready',
  })
})

test.each([
  ['without hosts', [], 'NoHosts', 'No host names this cluster'],
  [
    'without a ready host',
    [anAttachedHost('host-1', { status: { conditions: [] } })],
    'NoReadyHosts',
    '0 of 1 host ready',
  ],
])('a cluster %s is not ready', async (_what, objects, reason, message) => {
  expect(getCondition(await settled(...objects), 'Ready')).toMatchObject({ status: 'False', reason, message })
})
