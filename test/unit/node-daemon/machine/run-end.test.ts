import { describe, expect, test } from 'vitest'
import type { RunEnd } from '../../../../crds/v1alpha1/virtual-machine-instance.ts'
import type { DomainStateReason, ObservedDomain } from '../../../../node-daemon/hypervisor/hypervisor.ts'
import { classifyEnd, type EndEvidence, isSuccess } from '../../../../node-daemon/machine/run-end.ts'

const off = (
  stateReason: DomainStateReason,
  state: ObservedDomain['state'] = 'shut-off',
): ObservedDomain => ({ uuid: 'u', name: 'n', owner: undefined, state, stateReason })

function evidence(overrides: Partial<EndEvidence>): EndEvidence {
  return {
    requested: false,
    stoppedWithHost: false,
    memoryLost: false,
    domain: undefined,
    lastReason: undefined,
    hostRestarted: false,
    ...overrides,
  }
}

const cases: readonly { name: string; seen: Partial<EndEvidence>; reason: RunEnd }[] = [
  { name: 'the guest shut down', seen: { domain: off('guest-shutdown') }, reason: 'GuestShutdown' },
  { name: 'somebody powered it off', seen: { domain: off('destroyed') }, reason: 'Destroyed' },
  { name: 'somebody saved it', seen: { domain: off('saved') }, reason: 'Destroyed' },
  { name: 'QEMU died', seen: { domain: off('crashed') }, reason: 'Crashed' },
  { name: 'the guest panicked', seen: { domain: off('unknown', 'crashed') }, reason: 'Crashed' },
  { name: 'libvirt failed', seen: { domain: off('failed') }, reason: 'Failed' },
  { name: 'it was asked for', seen: { requested: true, domain: off('guest-shutdown') }, reason: 'Requested' },
  { name: 'it was forced', seen: { requested: true, domain: off('destroyed') }, reason: 'Requested' },
  { name: 'only an event told', seen: { lastReason: 'guest-shutdown' }, reason: 'GuestShutdown' },
  {
    name: 'libvirt forgot what an event had told',
    seen: { domain: off('unknown'), lastReason: 'destroyed' },
    reason: 'Destroyed',
  },
  { name: 'the host restarted', seen: { hostRestarted: true }, reason: 'HostRestarted' },
  {
    name: 'the host restarted, and the definition is still there',
    seen: { domain: off('unknown'), hostRestarted: true },
    reason: 'HostRestarted',
  },
  {
    name: 'the guest shut down and then the host restarted',
    seen: { domain: off('guest-shutdown'), hostRestarted: true },
    reason: 'GuestShutdown',
  },
  {
    name: 'the guest was shut down together with its host',
    seen: { stoppedWithHost: true, domain: off('guest-shutdown') },
    reason: 'HostRestarted',
  },
  { name: 'nothing tells', seen: {}, reason: 'Unknown' },
]

describe('how a run ended', () => {
  test.each(cases)('$name: $reason', ({ seen, reason }) => {
    const end = classifyEnd(evidence(seen))
    expect(end.reason).toBe(reason)
    expect(end.message).toMatch(/^(libvirt|[A-Z]).*[^.]$/)
  })

  test('only what was wanted or done by the guest is a success', () => {
    const all = [
      'Requested',
      'GuestShutdown',
      'Crashed',
      'Destroyed',
      'Failed',
      'HostRestarted',
      'Unknown',
    ] as const
    expect(all.filter(isSuccess)).toEqual(['Requested', 'GuestShutdown'])
  })
})
