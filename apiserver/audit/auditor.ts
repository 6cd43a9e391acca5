import { Counter } from 'prom-client'
import { microTimestamp, type Clock } from '../../apimachinery/clock.ts'
import type { AuditEvent } from './audit-event.ts'
import type { AuditSink } from './audit-sink.ts'
import { AuditTrail, type AuditedRequest } from './audit-trail.ts'
import type { AuditPolicy } from './policy.ts'
import { scopeOf } from './policy-match.ts'

/** Larger events lose the bodies, as Kubernetes truncates them. */
const maxEventBytes = 1024 * 1024
const truncatedAnnotation = 'audit.k8s.io/truncated'

/** Decides by the policy which requests are written down, and hands their events to the sinks. */
export class Auditor {
  readonly #policy: AuditPolicy
  readonly #sinks: readonly AuditSink[]
  readonly #clock: Clock
  readonly #events = new Counter({
    name: 'apiserver_audit_event_total',
    help: 'Audit events that were made.',
    registers: [],
  })
  readonly #levels = new Counter({
    name: 'apiserver_audit_level_total',
    help: 'Requests by the level that the audit policy gives them.',
    labelNames: ['level'],
    registers: [],
  })
  readonly #losses: Counter<'plugin'>

  constructor(deps: {
    readonly policy: AuditPolicy
    readonly sinks: readonly AuditSink[]
    readonly losses: Counter<'plugin'>
    readonly clock: Clock
  }) {
    this.#policy = deps.policy
    this.#sinks = deps.sinks
    this.#losses = deps.losses
    this.#clock = deps.clock
  }

  /** To be added to the server's registry. */
  get metrics(): readonly Counter<string>[] {
    return [this.#events, this.#levels, this.#losses] as Counter<string>[]
  }

  /** Follows one request; undefined when the policy leaves it out. */
  begin(context: AuditedRequest): AuditTrail | undefined {
    const scope = scopeOf(this.#policy, context.info, context.user)
    this.#levels.inc({ level: scope?.level ?? 'None' })
    if (!scope) return undefined
    const now = () => microTimestamp(this.#clock)
    return new AuditTrail({ context, scope, now, emit: (event) => this.#emit(event) })
  }

  /** Writes out what is still held. */
  async close(): Promise<void> {
    await Promise.all(this.#sinks.map((sink) => sink.close()))
  }

  #emit(event: AuditEvent): void {
    this.#events.inc()
    const line = lineOf(event)
    for (const sink of this.#sinks) {
      if (!sink.take(line)) this.#losses.inc({ plugin: sink.name })
    }
  }
}

/** Counts what sinks lose; shared by the auditor and the sinks that lose something later. */
export function lossCounter(): Counter<'plugin'> {
  return new Counter({
    name: 'apiserver_audit_error_total',
    help: 'Audit events that were dropped, by the sink that could not take them.',
    labelNames: ['plugin'],
    registers: [],
  })
}

function lineOf(event: AuditEvent): string {
  const line = JSON.stringify(event)
  if (line.length <= maxEventBytes) return line
  const { requestObject: _request, responseObject: _response, annotations = {}, ...rest } = event
  const kept = Object.entries(annotations).filter(([, text]) => text.length <= maxEventBytes / 16)
  return JSON.stringify({
    ...rest,
    annotations: { ...Object.fromEntries(kept), [truncatedAnnotation]: 'true' },
  })
}
