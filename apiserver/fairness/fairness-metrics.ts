import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import type { Refusal } from './fair-queues.ts'

type Flow = 'priority_level' | 'flow_schema'

/** Where a request was sorted in. */
export interface FlowLabels {
  readonly priority_level: string
  readonly flow_schema: string
}

/** Seats of one priority level, for its gauges. */
export interface LevelSeats {
  readonly nominal: number
  readonly lower: number
  readonly upper: number
  readonly current: number
  readonly demand: number
}

const waitBuckets = [0, 0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30]

/** Names follow kube-apiserver. Labels are names of objects that administrators make, so that they stay few. */
export class FairnessMetrics {
  readonly #rejected: Counter<Flow | 'reason'>
  readonly #dispatched: Counter<Flow>
  readonly #waiting: Gauge<Flow>
  readonly #executing: Gauge<Flow>
  readonly #executingSeats: Gauge<Flow>
  readonly #waits: Histogram<Flow | 'execute'>
  readonly #seats: Readonly<Record<keyof LevelSeats, Gauge<'priority_level'>>>

  constructor(registry: Registry) {
    const registers = [registry]
    const name = (rest: string) => `apiserver_flowcontrol_${rest}`
    const labelNames: Flow[] = ['priority_level', 'flow_schema']
    const flowGauge = (rest: string, help: string) =>
      new Gauge({ name: name(rest), help, labelNames, registers })
    const levelGauge = (rest: string, help: string) =>
      new Gauge({ name: name(rest), help, labelNames: ['priority_level'] as const, registers })
    this.#rejected = new Counter({
      name: name('rejected_requests_total'),
      help: 'Requests that were refused.',
      labelNames: [...labelNames, 'reason'],
      registers,
    })
    this.#dispatched = new Counter({
      name: name('dispatched_requests_total'),
      help: 'Requests that were let through.',
      labelNames,
      registers,
    })
    this.#waiting = flowGauge('current_inqueue_requests', 'Requests waiting.')
    this.#executing = flowGauge('current_executing_requests', 'Requests being worked on.')
    this.#executingSeats = flowGauge('current_executing_seats', 'Seats taken by requests being worked on.')
    this.#waits = new Histogram({
      name: name('request_wait_duration_seconds'),
      help: 'Time that requests waited, by whether they were let through then.',
      labelNames: [...labelNames, 'execute'],
      buckets: waitBuckets,
      registers,
    })
    this.#seats = {
      nominal: levelGauge('nominal_limit_seats', 'Seats of the level when all levels have work.'),
      lower: levelGauge('lower_limit_seats', 'Seats that the level keeps in any case.'),
      upper: levelGauge('upper_limit_seats', 'Seats that the level can have at most.'),
      current: levelGauge('current_limit_seats', 'Seats that the level has now.'),
      demand: levelGauge('demand_seats_high_watermark', 'The most seats that it had use for of late.'),
    }
  }

  waiting(labels: FlowLabels, change: 1 | -1): void {
    this.#waiting.inc({ ...labels }, change)
  }

  dispatched(labels: FlowLabels, seats: number, waitedMs: number): void {
    this.#dispatched.inc({ ...labels })
    this.#executing.inc({ ...labels })
    this.#executingSeats.inc({ ...labels }, seats)
    this.#waits.observe({ ...labels, execute: 'true' }, waitedMs / 1000)
  }

  finished(labels: FlowLabels, seats: number): void {
    this.#executing.dec({ ...labels })
    this.#executingSeats.dec({ ...labels }, seats)
  }

  rejected(labels: FlowLabels, reason: Refusal, waitedMs: number): void {
    this.#rejected.inc({ ...labels, reason })
    this.#waits.observe({ ...labels, execute: 'false' }, waitedMs / 1000)
  }

  seats(level: string, seats: LevelSeats): void {
    for (const [name, gauge] of Object.entries(this.#seats)) {
      gauge.set({ priority_level: level }, seats[name as keyof LevelSeats])
    }
  }

  forget(level: string): void {
    for (const gauge of Object.values(this.#seats)) gauge.remove({ priority_level: level })
  }
}
