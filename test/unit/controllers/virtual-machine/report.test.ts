import { describe, expect, test } from 'vitest'
import { getCondition } from '../../../../apimachinery/conditions.ts'
import type { Instance } from '../../../../controllers/instances.ts'
import { report } from '../../../../controllers/virtual-machine/report.ts'
import type { Condition } from '../../../../crds/meta/fields.ts'
import type { Host } from '../../../../crds/v1alpha1/host.ts'
import type { VirtualMachineInstance } from '../../../../crds/v1alpha1/virtual-machine-instance.ts'
import type { VirtualMachine } from '../../../../crds/v1alpha1/virtual-machine.ts'
import { aHost, aVirtualMachine, aVirtualMachineInstance, type Overrides } from '../../../support/builders.ts'
import { manualClock } from '../../../support/clock.ts'

const condition = (
  type: string,
  status: Condition['status'],
  reason: string,
  message = reason,
): Condition => ({
  type,
  status,
  reason,
  message,
  lastTransitionTime: '2026-01-01T00:00:00Z',
})

const found = [
  condition('DisksReady', 'True', 'DisksFound'),
  condition('NetworksReady', 'True', 'NetworksFound'),
]

const machine = (overrides: Overrides<VirtualMachine> = {}) =>
  aVirtualMachine({ ...overrides, status: { conditions: found, ...overrides.status } })

/** A run of the machine, on host-1. */
const run = (
  status: NonNullable<VirtualMachineInstance['status']>,
  overrides: Overrides<VirtualMachineInstance> = {},
) =>
  aVirtualMachineInstance({
    ...overrides,
    spec: { virtualMachine: { uid: machine().metadata.uid }, hostName: 'host-1', ...overrides.spec },
    status,
  })

function reported(vm: ReturnType<typeof machine>, instance?: Instance, host: Host | undefined = aHost()) {
  report({ getInstance: () => instance, getHost: () => host }, manualClock(), vm)
  const { status, reason, message } = getCondition(vm, 'Ready') ?? {}
  return { phase: vm.status?.phase, ready: status, reason, message }
}

interface Case {
  name: string
  vm?: Overrides<VirtualMachine>
  instance?: Instance
  host?: Host
  phase: string
  ready: string
  reason: string
}

const stopped = { spec: { power: 'Stopped' as const } }
const agent = { spec: { readiness: 'GuestAgent' as const } }
const connected = [condition('GuestAgentConnected', 'True', 'Connected')]
const deleted = { metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } }
const addresses = [{ name: 'eth0', ipAddresses: ['10.80.0.2'] }]
const silent = aHost({ status: { conditions: [condition('Ready', 'Unknown', 'LeaseExpired')] } })
const unplaced = { spec: { hostName: undefined } }

const cases: Case[] = [
  {
    name: 'is Pending before anything was looked at',
    vm: { status: { conditions: [] } },
    phase: 'Pending',
    ready: 'False',
    reason: 'WaitingForNetworks',
  },
  {
    name: 'is Pending while a disk is missing',
    vm: { status: { conditions: [condition('DisksReady', 'False', 'DiskNotFound'), ...found.slice(1)] } },
    phase: 'Pending',
    ready: 'False',
    reason: 'WaitingForDisks',
  },
  {
    name: 'is Scheduling when its run is about to be made',
    phase: 'Scheduling',
    ready: 'False',
    reason: 'WaitingForHost',
  },
  {
    name: 'is Scheduling while its run has no host',
    instance: run({}, unplaced),
    phase: 'Scheduling',
    ready: 'False',
    reason: 'WaitingForHost',
  },
  {
    name: 'is Starting once its run has a host',
    instance: run({}),
    phase: 'Starting',
    ready: 'False',
    reason: 'Starting',
  },
  {
    name: 'says that its host cannot start it',
    instance: run({ phase: 'Starting', conditions: [condition('Ready', 'False', 'StartFailed')] }),
    phase: 'Starting',
    ready: 'False',
    reason: 'StartFailed',
  },
  {
    name: 'says that its host waits for a disk',
    instance: run({ phase: 'Scheduled', conditions: [condition('Ready', 'False', 'WaitingForDisks')] }),
    phase: 'Starting',
    ready: 'False',
    reason: 'WaitingForDisks',
  },
  {
    name: 'is ready when it runs',
    instance: run({ phase: 'Running' }),
    phase: 'Running',
    ready: 'True',
    reason: 'Running',
  },
  {
    name: 'waits for the guest agent where that is asked for',
    vm: agent,
    instance: run({ phase: 'Running' }),
    phase: 'Running',
    ready: 'False',
    reason: 'WaitingForGuestAgent',
  },
  {
    name: 'waits for an address from an agent that is connected',
    vm: agent,
    instance: run({ phase: 'Running', conditions: connected }),
    phase: 'Running',
    ready: 'False',
    reason: 'WaitingForGuestAgent',
  },
  {
    name: 'is ready when the agent has reported an address',
    vm: agent,
    instance: run({ phase: 'Running', conditions: connected, interfaces: addresses }),
    phase: 'Running',
    ready: 'True',
    reason: 'Running',
  },
  {
    name: 'is of unknown readiness when its host is silent',
    instance: run({ phase: 'Running' }),
    host: silent,
    phase: 'Running',
    ready: 'Unknown',
    reason: 'HostUnreachable',
  },
  {
    name: 'is Stopping while its guest shuts down by itself',
    instance: run({ phase: 'Stopping' }),
    phase: 'Stopping',
    ready: 'False',
    reason: 'Stopping',
  },
  {
    name: 'is Stopping from the moment its power is Stopped',
    vm: stopped,
    instance: run({ phase: 'Running' }),
    phase: 'Stopping',
    ready: 'False',
    reason: 'Stopping',
  },
  {
    name: 'is Stopping when its run is deleted',
    instance: run({ phase: 'Running' }, deleted),
    phase: 'Stopping',
    ready: 'False',
    reason: 'Stopping',
  },
  { name: 'is Stopped without a run', vm: stopped, phase: 'Stopped', ready: 'False', reason: 'Stopped' },
  {
    name: 'is Stopped when its run is over',
    vm: stopped,
    instance: run({ phase: 'Succeeded', reason: 'Requested' }),
    phase: 'Stopped',
    ready: 'False',
    reason: 'Stopped',
  },
  {
    name: 'is Stopped when its guest wanted it so',
    instance: run({ phase: 'Succeeded', reason: 'GuestShutdown' }),
    phase: 'Stopped',
    ready: 'False',
    reason: 'GuestShutdown',
  },
  {
    name: 'is Failed when it crashed and is not to be restarted',
    vm: { spec: { restartPolicy: 'Never' } },
    instance: run({ phase: 'Failed', reason: 'Crashed' }),
    phase: 'Failed',
    ready: 'False',
    reason: 'Crashed',
  },
  {
    name: 'is Scheduling between two runs',
    instance: run({ phase: 'Failed', reason: 'Crashed' }),
    phase: 'Scheduling',
    ready: 'False',
    reason: 'WaitingForHost',
  },
  {
    name: 'is in BackOff until its next start',
    vm: { status: { restarts: 2, nextStartAt: '2026-01-01T00:00:01Z' } },
    phase: 'BackOff',
    ready: 'False',
    reason: 'BackOff',
  },
  {
    name: 'is Pending while something else has the name of its run',
    instance: run({ phase: 'Running' }, { spec: { virtualMachine: { uid: 'another' } } }),
    phase: 'Pending',
    ready: 'False',
    reason: 'InstanceNotOwned',
  },
]

describe('a machine', () => {
  test.each(cases)('$name', ({ vm, instance, host, phase, ready, reason }) => {
    expect(reported(machine(vm), instance, host)).toMatchObject({ phase, ready, reason })
  })

  test('whose host is not registered is of unknown readiness', () => {
    const vm = machine()
    report({ getInstance: () => run({ phase: 'Running' }), getHost: () => undefined }, manualClock(), vm)
    expect(getCondition(vm, 'Ready')).toMatchObject({ status: 'Unknown', reason: 'HostUnreachable' })
  })
})

describe('the address of a machine', () => {
  const mac = '52:54:00:00:00:01'
  const withInterface: Overrides<VirtualMachine> = {
    spec: { interfaces: [{ name: 'eth0', network: { name: 'default' }, model: 'virtio' }] },
    status: { conditions: found, interfaces: [{ name: 'eth0', macAddress: mac, ipAddress: '10.80.0.2' }] },
  }
  type Seen = NonNullable<NonNullable<VirtualMachineInstance['status']>['interfaces']>
  const rows: { name: string; seen?: Seen; address: string }[] = [
    { name: 'is the one handed out while the guest says nothing', address: '10.80.0.2' },
    {
      name: 'is what the guest reports on the MAC address of the interface',
      seen: [
        { name: 'docker0', macAddress: '02:42:00:00:00:01', ipAddresses: ['172.17.0.1'] },
        { name: 'ens3', macAddress: mac.toUpperCase(), ipAddresses: ['fe80::1', '10.80.0.77'] },
      ],
      address: '10.80.0.77',
    },
    {
      name: 'is another of the guest when our interface has none',
      seen: [
        { name: 'lo', ipAddresses: ['127.0.0.1'] },
        { name: 'wg0', macAddress: '02:00:00:00:00:09', ipAddresses: ['192.168.7.7'] },
      ],
      address: '192.168.7.7',
    },
    {
      name: 'is the one handed out when the guest has only addresses that reach nobody',
      seen: [{ name: 'eth0', macAddress: mac, ipAddresses: ['169.254.1.1', 'fe80::1'] }],
      address: '10.80.0.2',
    },
  ]
  test.each(rows)('$name', ({ seen, address }) => {
    const vm = machine(withInterface)
    reported(vm, run({ phase: 'Running', ...(seen && { interfaces: seen }) }))
    expect(vm.status?.ipAddress).toBe(address)
  })

  test('what the guest reported goes with its run', () => {
    const vm = machine(withInterface)
    const seen = [{ name: 'eth0', macAddress: mac, ipAddresses: ['10.80.0.77'] }]
    const status = { phase: 'Running' as const, interfaces: seen, startedAt: '2026-01-01T00:00:00Z' }
    reported(vm, run({ ...status, guest: { hostname: 'web' } }))
    expect(vm.status).toMatchObject({
      hostName: 'host-1',
      startedAt: '2026-01-01T00:00:00Z',
      guest: { hostname: 'web' },
      interfaces: [{ reportedAddresses: ['10.80.0.77'] }],
    })
    reported(vm)
    expect(vm.status).toMatchObject({ ipAddress: '10.80.0.2' })
    for (const field of ['hostName', 'startedAt', 'guest'] as const)
      expect(vm.status?.[field]).toBeUndefined()
    expect(vm.status?.interfaces?.[0]?.reportedAddresses).toBeUndefined()
  })
})
