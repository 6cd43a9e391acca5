import type { EventRecorder } from '../../../../apimachinery/client/event-recorder.ts'
import type { Clock } from '../../../../apimachinery/clock.ts'
import { silentLogger } from '../../../../apimachinery/log.ts'
import type { ReconcileContext } from '../../../../controllers/runtime/reconciler.ts'
import { manualClock } from '../../../support/clock.ts'

export interface RecordedEvent {
  readonly type: 'Normal' | 'Warning'
  readonly object: string
  readonly reason: string
  readonly note: string
}

export function recordedEvents(): EventRecorder & { readonly all: RecordedEvent[] } {
  const all: RecordedEvent[] = []
  const record = (type: RecordedEvent['type']): EventRecorder['normal'] => {
    return ({ metadata }, reason, note) => void all.push({ type, object: metadata.name, reason, note })
  }
  return { all, normal: record('Normal'), warning: record('Warning') }
}

/** A context whose clock stands still unless one is given. */
export function aContext(
  overrides: { readonly clock?: Clock; readonly events?: EventRecorder } = {},
): ReconcileContext {
  return {
    log: silentLogger,
    clock: manualClock(),
    events: recordedEvents(),
    signal: new AbortController().signal,
    ...overrides,
  }
}
