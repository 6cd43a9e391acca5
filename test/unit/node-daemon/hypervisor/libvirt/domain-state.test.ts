import {
  virDomainEventShutdownDetailType,
  virDomainEventStoppedDetailType,
  virDomainEventType,
  virDomainPausedReason,
  virDomainRunningReason,
  virDomainShutoffReason,
  virDomainState,
} from 'node-libvirt'
import { describe, expect, test } from 'vitest'
import {
  conditionFromEvent,
  conditionOf,
  isHostShutdown,
} from '../../../../../node-daemon/hypervisor/libvirt/domain-state.ts'

describe('conditionOf', () => {
  const { VIR_DOMAIN_RUNNING: running, VIR_DOMAIN_PAUSED: paused, VIR_DOMAIN_SHUTOFF: off } = virDomainState

  test.each([
    {
      of: 'booted',
      state: running,
      reason: virDomainRunningReason.VIR_DOMAIN_RUNNING_BOOTED,
      is: 'running/started',
    },
    {
      of: 'migrated here',
      state: running,
      reason: virDomainRunningReason.VIR_DOMAIN_RUNNING_MIGRATED,
      is: 'running/migrated',
    },
    { of: 'waiting for disk', state: virDomainState.VIR_DOMAIN_BLOCKED, reason: 0, is: 'running/started' },
    {
      of: 'paused by an I/O error',
      state: paused,
      reason: virDomainPausedReason.VIR_DOMAIN_PAUSED_IOERROR,
      is: 'paused/io-error',
    },
    {
      of: 'paused to go down',
      state: paused,
      reason: virDomainPausedReason.VIR_DOMAIN_PAUSED_SHUTTING_DOWN,
      is: 'shutting-down/unknown',
    },
    {
      of: 'paused after a crash',
      state: paused,
      reason: virDomainPausedReason.VIR_DOMAIN_PAUSED_CRASHED,
      is: 'crashed/crashed',
    },
    { of: 'asleep', state: virDomainState.VIR_DOMAIN_PMSUSPENDED, reason: 0, is: 'paused/unknown' },
    { of: 'going down', state: virDomainState.VIR_DOMAIN_SHUTDOWN, reason: 0, is: 'shutting-down/unknown' },
    { of: 'crashed', state: virDomainState.VIR_DOMAIN_CRASHED, reason: 0, is: 'crashed/crashed' },
    {
      of: 'shut down',
      state: off,
      reason: virDomainShutoffReason.VIR_DOMAIN_SHUTOFF_SHUTDOWN,
      is: 'shut-off/guest-shutdown',
    },
    {
      of: 'powered off',
      state: off,
      reason: virDomainShutoffReason.VIR_DOMAIN_SHUTOFF_DESTROYED,
      is: 'shut-off/destroyed',
    },
    {
      of: 'killed',
      state: off,
      reason: virDomainShutoffReason.VIR_DOMAIN_SHUTOFF_CRASHED,
      is: 'shut-off/crashed',
    },
    {
      of: 'gone elsewhere',
      state: off,
      reason: virDomainShutoffReason.VIR_DOMAIN_SHUTOFF_MIGRATED,
      is: 'shut-off/migrated',
    },
    {
      of: 'saved',
      state: off,
      reason: virDomainShutoffReason.VIR_DOMAIN_SHUTOFF_SAVED,
      is: 'shut-off/saved',
    },
    {
      of: 'not startable',
      state: off,
      reason: virDomainShutoffReason.VIR_DOMAIN_SHUTOFF_FAILED,
      is: 'shut-off/failed',
    },
    {
      of: 'lost over a restart of libvirtd',
      state: off,
      reason: virDomainShutoffReason.VIR_DOMAIN_SHUTOFF_DAEMON,
      is: 'shut-off/failed',
    },
    { of: 'never started', state: off, reason: 0, is: 'shut-off/unknown' },
    { of: 'in a state that a newer libvirt invented', state: off, reason: 99, is: 'shut-off/unknown' },
  ])('a domain $of is $is', ({ state, reason, is }) => {
    const condition = conditionOf(state, reason)
    expect(`${condition.state}/${condition.stateReason}`).toBe(is)
  })
})

describe('events', () => {
  const stopped = virDomainEventType.VIR_DOMAIN_EVENT_STOPPED

  test.each([
    {
      name: 'a start',
      event: virDomainEventType.VIR_DOMAIN_EVENT_STARTED,
      detail: 0,
      is: { state: 'running', stateReason: 'started' },
    },
    {
      name: 'a shutdown',
      event: virDomainEventType.VIR_DOMAIN_EVENT_SHUTDOWN,
      detail: 1,
      is: { state: 'shutting-down', stateReason: 'unknown' },
    },
    {
      name: 'a crash',
      event: stopped,
      detail: virDomainEventStoppedDetailType.VIR_DOMAIN_EVENT_STOPPED_CRASHED,
      is: { state: 'shut-off', stateReason: 'crashed' },
    },
    {
      name: 'a failure, of which libvirt does not say which',
      event: stopped,
      detail: virDomainEventStoppedDetailType.VIR_DOMAIN_EVENT_STOPPED_FAILED,
      is: { state: 'shut-off' },
    },
    { name: 'a definition', event: virDomainEventType.VIR_DOMAIN_EVENT_DEFINED, detail: 0, is: undefined },
    { name: 'an event of a newer libvirt', event: 99, detail: 0, is: undefined },
  ])('$name tells what can be told', ({ event, detail, is }) => {
    expect(conditionFromEvent(event, detail)).toEqual(is)
  })

  test('a shutdown by the host differs from one by the guest', () => {
    const shutdown = virDomainEventType.VIR_DOMAIN_EVENT_SHUTDOWN
    expect(isHostShutdown(shutdown, virDomainEventShutdownDetailType.VIR_DOMAIN_EVENT_SHUTDOWN_HOST)).toBe(
      true,
    )
    expect(isHostShutdown(shutdown, virDomainEventShutdownDetailType.VIR_DOMAIN_EVENT_SHUTDOWN_GUEST)).toBe(
      false,
    )
    expect(isHostShutdown(stopped, virDomainEventShutdownDetailType.VIR_DOMAIN_EVENT_SHUTDOWN_HOST)).toBe(
      false,
    )
  })
})
