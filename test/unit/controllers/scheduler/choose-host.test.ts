import { describe, expect, test } from 'vitest'
import type { Candidate, PlacementRequest } from '../../../../controllers/scheduler/candidate.ts'
import { chooseHost } from '../../../../controllers/scheduler/choose-host.ts'
import type { Host } from '../../../../crds/v1alpha1/host.ts'
import { aHostCluster, type Overrides } from '../../../support/builders.ts'
import { anAttachedHost } from '../support/installation.ts'

const GiB = 1024 ** 3

const aRequest = (overrides: Partial<PlacementRequest> = {}): PlacementRequest => ({
  demand: { cpus: 2, memoryBytes: 2 * GiB },
  cluster: aHostCluster(),
  hostSelector: {},
  diskHosts: new Set(),
  imageHosts: new Set(),
  nearImages: new Set(),
  storageDomains: new Set(['default']),
  networks: new Set(['default']),
  ...overrides,
})

const aCandidate = (
  name: string,
  host: Overrides<Host> = {},
  promised = { cpus: 0, memoryBytes: 0 },
): Candidate => ({ host: anAttachedHost(name, host), promised })

const notReady = {
  status: {
    conditions: [
      {
        type: 'Ready',
        status: 'Unknown' as const,
        reason: 'LeaseExpired',
        message: '',
        lastTransitionTime: '2026-01-01T00:00:00Z',
      },
    ],
  },
}

const misfits: { name: string; request?: Partial<PlacementRequest>; candidate: Candidate; why: string }[] = [
  {
    name: 'of another cluster',
    candidate: aCandidate('a', { spec: { hostCluster: { name: 'other' } } }),
    why: '1 is in another cluster',
  },
  { name: 'that is silent', candidate: aCandidate('a', notReady), why: '1 is not ready' },
  {
    name: 'that takes nothing new',
    candidate: aCandidate('a', { spec: { schedulable: false } }),
    why: '1 is not schedulable',
  },
  {
    name: 'that is being deleted',
    candidate: aCandidate('a', { metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } }),
    why: '1 is not schedulable',
  },
  {
    name: 'without a label',
    request: { hostSelector: { rack: 'a' } },
    candidate: aCandidate('a', { metadata: { labels: { rack: 'b' } } }),
    why: '1 lacks a label of the host selector',
  },
  {
    name: 'that does not hold a disk',
    request: { diskHosts: new Set(['b']) },
    candidate: aCandidate('a'),
    why: '1 does not hold the disks',
  },
  {
    name: 'that holds only one of two disks',
    request: { diskHosts: new Set(['a', 'b']) },
    candidate: aCandidate('a'),
    why: '1 does not hold the disks',
  },
  {
    name: 'that cannot get the image',
    request: { imageHosts: new Set(['b']) },
    candidate: aCandidate('a'),
    why: '1 cannot get the images',
  },
  {
    name: 'whose storage domain failed',
    candidate: aCandidate('a', { status: { storageDomains: [{ name: 'default', ready: false }] } }),
    why: '1 cannot use a storage domain of the machine',
  },
  {
    name: 'without the network',
    candidate: aCandidate('a', { status: { networks: [] } }),
    why: '1 cannot use a network of the machine',
  },
  {
    name: 'without room in memory',
    candidate: aCandidate('a', {}, { cpus: 0, memoryBytes: 15 * GiB }),
    why: '1 has not enough memory',
  },
  {
    name: 'without room in CPU',
    candidate: aCandidate('a', {}, { cpus: 79, memoryBytes: 0 }),
    why: '1 has not enough CPU',
  },
  {
    name: 'that has not reported what it has',
    candidate: aCandidate('a', { status: { allocatable: undefined } }),
    why: '1 has not enough memory',
  },
]

describe('filters', () => {
  test.each(misfits)('a host $name does not fit', ({ request, candidate, why }) => {
    expect(chooseHost(aRequest(request), [candidate])).toEqual({
      hostName: undefined,
      why: `0 of 1 host fits: ${why}`,
    })
  })

  test('a host that fits exactly fits', () => {
    const full = aCandidate('a', {}, { cpus: 62, memoryBytes: 14 * GiB })
    expect(chooseHost(aRequest(), [full])).toEqual({ hostName: 'a' })
  })

  test('the overcommit of the cluster counts', () => {
    const cluster = aHostCluster({ spec: { overcommit: { memoryPercent: 150 } } })
    const over = aCandidate('a', {}, { cpus: 0, memoryBytes: 22 * GiB })
    expect(chooseHost(aRequest({ cluster }), [over])).toEqual({ hostName: 'a' })
    expect(chooseHost(aRequest(), [over]).hostName).toBeUndefined()
  })

  test('reasons are counted, the most frequent first', () => {
    const full = { cpus: 0, memoryBytes: 16 * GiB }
    const candidates = [aCandidate('a', {}, full), aCandidate('b', notReady), aCandidate('c', {}, full)]
    expect(chooseHost(aRequest(), candidates)).toEqual({
      hostName: undefined,
      why: '0 of 3 hosts fit: 2 have not enough memory, 1 is not ready',
    })
  })

  test('without a host there is nothing to count', () => {
    expect(chooseHost(aRequest(), [])).toEqual({ hostName: undefined, why: 'No host is registered' })
  })
})

describe('weights', () => {
  const candidates = [
    aCandidate('a', {}, { cpus: 0, memoryBytes: 4 * GiB }),
    aCandidate('b', {}, { cpus: 0, memoryBytes: 0 }),
    aCandidate('c', {}, { cpus: 0, memoryBytes: 12 * GiB }),
  ]
  const pack = aHostCluster({ spec: { scheduling: { policy: 'Pack' } } })

  test('Spread takes the host with most memory left', () => {
    expect(chooseHost(aRequest(), candidates)).toEqual({ hostName: 'b' })
  })

  test('Pack takes the fullest host that fits', () => {
    expect(chooseHost(aRequest({ cluster: pack }), candidates)).toEqual({ hostName: 'c' })
  })

  test('CPU decides between hosts alike in memory', () => {
    const alike = [aCandidate('a', {}, { cpus: 8, memoryBytes: 0 }), aCandidate('b')]
    expect(chooseHost(aRequest(), alike)).toEqual({ hostName: 'b' })
    expect(chooseHost(aRequest({ cluster: pack }), alike)).toEqual({ hostName: 'a' })
  })

  test('a host that has the image is worth some memory, but not any', () => {
    const near = aRequest({ nearImages: new Set(['c']) })
    const even = [
      aCandidate('b', {}, { cpus: 0, memoryBytes: 0 }),
      aCandidate('c', {}, { cpus: 0, memoryBytes: 2 * GiB }),
    ]
    expect(chooseHost(near, even)).toEqual({ hostName: 'c' })
    expect(chooseHost(near, candidates)).toEqual({ hostName: 'b' })
  })

  test('between equals the name decides, whatever the order', () => {
    const equals = [aCandidate('b'), aCandidate('a'), aCandidate('c')]
    expect(chooseHost(aRequest(), equals)).toEqual({ hostName: 'a' })
    expect(chooseHost(aRequest(), equals.toReversed())).toEqual({ hostName: 'a' })
  })
})
