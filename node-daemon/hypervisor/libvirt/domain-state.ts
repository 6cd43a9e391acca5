import {
  virDomainEventShutdownDetailType,
  virDomainEventStoppedDetailType,
  virDomainEventType,
  virDomainEventWatchdogAction,
  virDomainPausedReason,
  virDomainRunningReason,
  virDomainShutoffReason,
  virDomainState,
} from 'node-libvirt'
import type { DomainStateReason, ObservedDomain } from '../hypervisor.ts'

/** State and reason together, as both of libvirt's numbers decide both. */
export type DomainCondition = Pick<ObservedDomain, 'state' | 'stateReason'>

const shutoffReasons: Readonly<Record<number, DomainStateReason>> = {
  [virDomainShutoffReason.VIR_DOMAIN_SHUTOFF_SHUTDOWN]: 'guest-shutdown',
  [virDomainShutoffReason.VIR_DOMAIN_SHUTOFF_DESTROYED]: 'destroyed',
  [virDomainShutoffReason.VIR_DOMAIN_SHUTOFF_CRASHED]: 'crashed',
  [virDomainShutoffReason.VIR_DOMAIN_SHUTOFF_MIGRATED]: 'migrated',
  [virDomainShutoffReason.VIR_DOMAIN_SHUTOFF_SAVED]: 'saved',
  [virDomainShutoffReason.VIR_DOMAIN_SHUTOFF_FAILED]: 'failed',
  // libvirtd found the process gone, or not controllable, when it came back.
  [virDomainShutoffReason.VIR_DOMAIN_SHUTOFF_DAEMON]: 'failed',
}

/** What `domainGetState` and the `state` statistics say. */
export function conditionOf(state: number, reason: number): DomainCondition {
  switch (state) {
    case virDomainState.VIR_DOMAIN_RUNNING:
    case virDomainState.VIR_DOMAIN_BLOCKED:
    case virDomainState.VIR_DOMAIN_NOSTATE:
      return { state: 'running', stateReason: runningReason(reason) }
    case virDomainState.VIR_DOMAIN_PAUSED:
      return pausedCondition(reason)
    case virDomainState.VIR_DOMAIN_PMSUSPENDED:
      return { state: 'paused', stateReason: 'unknown' }
    case virDomainState.VIR_DOMAIN_SHUTDOWN:
      return { state: 'shutting-down', stateReason: 'unknown' }
    case virDomainState.VIR_DOMAIN_CRASHED:
      return { state: 'crashed', stateReason: 'crashed' }
    default:
      return { state: 'shut-off', stateReason: shutoffReasons[reason] ?? 'unknown' }
  }
}

function runningReason(reason: number): DomainStateReason {
  return reason === virDomainRunningReason.VIR_DOMAIN_RUNNING_MIGRATED ? 'migrated' : 'started'
}

function pausedCondition(reason: number): DomainCondition {
  if (reason === virDomainPausedReason.VIR_DOMAIN_PAUSED_SHUTTING_DOWN)
    return { state: 'shutting-down', stateReason: 'unknown' }
  if (reason === virDomainPausedReason.VIR_DOMAIN_PAUSED_CRASHED)
    return { state: 'crashed', stateReason: 'crashed' }
  return { state: 'paused', stateReason: pausedReasons[reason] ?? 'unknown' }
}

const pausedReasons: Readonly<Record<number, DomainStateReason>> = {
  [virDomainPausedReason.VIR_DOMAIN_PAUSED_IOERROR]: 'io-error',
  [virDomainPausedReason.VIR_DOMAIN_PAUSED_WATCHDOG]: 'watchdog',
  [virDomainPausedReason.VIR_DOMAIN_PAUSED_MIGRATION]: 'busy',
  [virDomainPausedReason.VIR_DOMAIN_PAUSED_SAVE]: 'busy',
  [virDomainPausedReason.VIR_DOMAIN_PAUSED_DUMP]: 'busy',
  [virDomainPausedReason.VIR_DOMAIN_PAUSED_SNAPSHOT]: 'busy',
  [virDomainPausedReason.VIR_DOMAIN_PAUSED_POSTCOPY]: 'busy',
}

// "Failed" is left out: libvirt says it of starts that failed and of processes that were killed, and only the state
// that can be read afterwards tells them apart.
const stopDetails: Readonly<Record<number, DomainStateReason>> = {
  [virDomainEventStoppedDetailType.VIR_DOMAIN_EVENT_STOPPED_SHUTDOWN]: 'guest-shutdown',
  [virDomainEventStoppedDetailType.VIR_DOMAIN_EVENT_STOPPED_DESTROYED]: 'destroyed',
  [virDomainEventStoppedDetailType.VIR_DOMAIN_EVENT_STOPPED_CRASHED]: 'crashed',
  [virDomainEventStoppedDetailType.VIR_DOMAIN_EVENT_STOPPED_MIGRATED]: 'migrated',
  [virDomainEventStoppedDetailType.VIR_DOMAIN_EVENT_STOPPED_SAVED]: 'saved',
}

/** What an event tells of a domain: its state, and sometimes why. */
export type EventCondition = Pick<DomainCondition, 'state'> & Partial<DomainCondition>

function withReason(state: DomainCondition['state'], reason: DomainStateReason | undefined): EventCondition {
  return reason === undefined ? { state } : { state, stateReason: reason }
}

/** What a lifecycle event tells by itself; undefined where it says only that something changed. */
export function conditionFromEvent(event: number, detail: number): EventCondition | undefined {
  switch (event) {
    case virDomainEventType.VIR_DOMAIN_EVENT_STARTED:
    case virDomainEventType.VIR_DOMAIN_EVENT_RESUMED:
      return { state: 'running', stateReason: 'started' }
    case virDomainEventType.VIR_DOMAIN_EVENT_SHUTDOWN:
      return { state: 'shutting-down', stateReason: 'unknown' }
    case virDomainEventType.VIR_DOMAIN_EVENT_STOPPED:
      return withReason('shut-off', stopDetails[detail])
    default:
      return undefined
  }
}

/** The guest's kernel said that it cannot go on; the state that follows says only that it crashed. */
export function isPanic(event: number): boolean {
  return event === virDomainEventType.VIR_DOMAIN_EVENT_CRASHED
}

/** The watchdog's action ends the machine; a reset is a reboot, and a pause shows as the reason of that state. */
export function isWatchdogPowerOff(action: number): boolean {
  return (
    action === virDomainEventWatchdogAction.VIR_DOMAIN_EVENT_WATCHDOG_POWEROFF ||
    action === virDomainEventWatchdogAction.VIR_DOMAIN_EVENT_WATCHDOG_SHUTDOWN
  )
}

/**
 * Whether the machine is going down because its process was told to, by a signal, and not because the guest wanted it.
 * The state that follows says "shutdown" for both.
 */
export function isHostShutdown(event: number, detail: number): boolean {
  return (
    event === virDomainEventType.VIR_DOMAIN_EVENT_SHUTDOWN &&
    detail === virDomainEventShutdownDetailType.VIR_DOMAIN_EVENT_SHUTDOWN_HOST
  )
}
