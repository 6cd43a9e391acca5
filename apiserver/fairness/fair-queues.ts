import type { Clock } from '../../apimachinery/clock.ts'
import { dealHand } from './shuffle-shard.ts'

/** How requests of one priority level wait. */
export interface Queuing {
  readonly queues: number
  readonly handSize: number
  readonly queueLengthLimit: number
}

export type Refusal = 'concurrency-limit' | 'queue-full' | 'time-out' | 'cancelled'

/** The request is not worked on; `reason` goes into metrics. */
export class RefusedError extends Error {
  override readonly name = 'RefusedError'
  readonly reason: Refusal

  constructor(reason: Refusal) {
    super(`the request was refused: ${reason}`)
    this.reason = reason
  }
}

export interface SeatRequest {
  /** Requests of one flow wait in the same queues. */
  readonly flow: string
  /** How many seats the request takes while it is worked on. */
  readonly seats: number
  /** Gives the wait up. */
  readonly signal: AbortSignal
}

/** Gives the seats back; further calls do nothing. */
export type Release = () => void

interface Waiting {
  readonly seats: number
  readonly start: () => void
}

interface Queue {
  readonly number: number
  readonly waiting: Waiting[]
  waitingSeats: number
  executingSeats: number
  /** Virtual time at which the next request in it would start, if all queues were served in parallel. */
  nextStart: number
}

/** What a request is assumed to take until it is known. */
const assumedMs = 3

/**
 * Seats of one priority level and the queues in front of them. A queue with short requests waits no longer because
 * another one has long ones: of all queues the one whose next request would end first, had all been served evenly,
 * goes next.
 */
export class FairQueues {
  readonly #clock: Clock
  readonly #maxWaitMs: number
  #queuing: Queuing | undefined
  #seats: number
  /** Those that have work, by number. */
  readonly #busy = new Map<number, Queue>()
  #executing = 0
  #executingSeats = 0
  #waiting = 0
  #waitingSeats = 0
  #virtualTime = 0
  #lastUpdate: number
  #peakDemand = 0

  /** Without `queuing`, what finds no free seat is refused. */
  constructor(clock: Clock, options: { seats: number; queuing: Queuing | undefined; maxWaitMs: number }) {
    this.#clock = clock
    this.#seats = options.seats
    this.#queuing = options.queuing
    this.#maxWaitMs = options.maxWaitMs
    this.#lastUpdate = clock.monotonic()
  }

  get executing(): number {
    return this.#executing
  }
  get executingSeats(): number {
    return this.#executingSeats
  }
  get waiting(): number {
    return this.#waiting
  }
  get seats(): number {
    return this.#seats
  }
  get idle(): boolean {
    return this.#executing === 0 && this.#waiting === 0
  }

  /** The most seats that were in use or asked for since the last call. */
  takePeakDemand(): number {
    const peak = this.#peakDemand
    this.#peakDemand = this.#executingSeats + this.#waitingSeats
    return peak
  }

  resize(seats: number): void {
    this.#advance()
    this.#seats = seats
    this.#dispatch()
  }

  /** For requests from now on; those that wait go on waiting where they are. */
  queueAs(queuing: Queuing | undefined): void {
    this.#queuing = queuing
  }

  /** Resolves when the request may be worked on. Throws RefusedError. */
  async acquire(request: SeatRequest): Promise<Release> {
    this.#advance()
    const { seats } = request
    this.#demand(seats)
    if (!this.#queuing) {
      if (!this.#fits(seats)) throw new RefusedError('concurrency-limit')
      return this.#take(undefined, seats)
    }
    const queue = this.#shortestQueue(request.flow, this.#queuing)
    if (this.#waiting === 0 && this.#fits(seats)) return this.#take(queue, seats)
    if (queue.waiting.length >= this.#queuing.queueLengthLimit) throw new RefusedError('queue-full')
    return await this.#wait(queue, request)
  }

  /** A level that has no seats at all still does one thing after the other. */
  #fits(seats: number): boolean {
    return this.#executingSeats === 0 || this.#executingSeats + seats <= this.#seats
  }

  #wait(queue: Queue, { seats, signal }: SeatRequest): Promise<Release> {
    return new Promise((resolve, reject) => {
      const entry: Waiting = {
        seats,
        start: () => {
          leave()
          resolve(this.#take(queue, seats))
        },
      }
      const leave = () => {
        queue.waiting.splice(queue.waiting.indexOf(entry), 1)
        queue.waitingSeats -= seats
        this.#waiting -= 1
        this.#waitingSeats -= seats
        cancelTimer()
        signal.removeEventListener('abort', giveUp)
      }
      const refuse = (reason: Refusal) => {
        this.#advance()
        leave()
        this.#forgetIdle(queue)
        reject(new RefusedError(reason))
        this.#dispatch()
      }
      const giveUp = () => refuse('cancelled')
      const cancelTimer = this.#clock.after(this.#maxWaitMs, () => refuse('time-out'))
      this.#enter(queue)
      queue.waiting.push(entry)
      queue.waitingSeats += seats
      this.#waiting += 1
      this.#waitingSeats += seats
      if (signal.aborted) giveUp()
      else signal.addEventListener('abort', giveUp, { once: true })
    })
  }

  /** Occupies seats for one request. */
  #take(queue: Queue | undefined, seats: number): Release {
    const startedAt = this.#clock.monotonic()
    this.#executing += 1
    this.#executingSeats += seats
    if (queue) {
      this.#enter(queue)
      queue.executingSeats += seats
      queue.nextStart += seats * assumedMs
    }
    let released = false
    return () => {
      if (released) return
      released = true
      const now = this.#advance()
      this.#executing -= 1
      this.#executingSeats -= seats
      if (queue) {
        queue.executingSeats -= seats
        queue.nextStart += seats * (now - startedAt - assumedMs)
        this.#forgetIdle(queue)
      }
      this.#dispatch()
    }
  }

  /** A queue that had nothing to do saved up no claims meanwhile. */
  #enter(queue: Queue): void {
    if (!isIdle(queue)) return
    queue.nextStart = this.#virtualTime
    this.#busy.set(queue.number, queue)
  }

  #forgetIdle(queue: Queue): void {
    if (isIdle(queue)) this.#busy.delete(queue.number)
  }

  #dispatch(): void {
    for (;;) {
      const next = this.#nextQueue()?.waiting[0]
      if (!next || !this.#fits(next.seats)) return
      next.start()
    }
  }

  #nextQueue(): Queue | undefined {
    let best: Queue | undefined
    let bestEnd = Number.POSITIVE_INFINITY
    for (const queue of this.#busy.values()) {
      const [first] = queue.waiting
      if (!first) continue
      const end = queue.nextStart + first.seats * assumedMs
      if (end < bestEnd) [best, bestEnd] = [queue, end]
    }
    return best
  }

  #shortestQueue(flow: string, { queues, handSize }: Queuing): Queue {
    let best: Queue | undefined
    for (const number of dealHand(flow, queues, handSize)) {
      const queue = this.#busy.get(number)
      if (!queue) return newQueue(number)
      if (!best || loadOf(queue) < loadOf(best)) best = queue
    }
    return best ?? newQueue(0)
  }

  /** Virtual time runs as fast as each queue would be served if all that have work were served evenly. */
  #advance(): number {
    const now = this.#clock.monotonic()
    if (this.#busy.size > 0) {
      const served = Math.min(this.#seats, this.#executingSeats + this.#waitingSeats)
      this.#virtualTime += ((now - this.#lastUpdate) * served) / this.#busy.size
    }
    this.#lastUpdate = now
    return now
  }

  #demand(more: number): void {
    this.#peakDemand = Math.max(this.#peakDemand, this.#executingSeats + this.#waitingSeats + more)
  }
}

const newQueue = (number: number): Queue => ({
  number,
  waiting: [],
  waitingSeats: 0,
  executingSeats: 0,
  nextStart: 0,
})
const loadOf = ({ waitingSeats, executingSeats }: Queue) => waitingSeats + executingSeats
const isIdle = ({ waiting, executingSeats }: Queue) => waiting.length === 0 && executingSeats === 0
