import { BackOff } from '../../apimachinery/client/back-off.ts'
import { sleep, type Clock } from '../../apimachinery/clock.ts'
import type { Logger } from '../../apimachinery/log.ts'
import type { WebhookClient } from '../webhook/webhook-client.ts'
import { WebhookError } from '../webhook/webhook-error.ts'
import { AuditQueue, type AuditSink } from './audit-sink.ts'

export interface WebhookSinkOptions {
  readonly client: Pick<WebhookClient, 'send' | 'close'>
  /** Events per request at most. */
  readonly maxBatchSize: number
  /** How long an event waits for others to go with. */
  readonly maxWaitMs: number
  /** Events that are held while the webhook is away. */
  readonly bufferSize: number
  /** Pause after the first failure of a batch; later ones are longer. */
  readonly initialBackoffMs: number
  readonly clock: Clock
  readonly log: Logger
  /** Counts events that were given up. */
  readonly onLost: (events: number) => void
}

const maxBytes = 64 * 1024 * 1024
const callTimeoutMs = 30_000
const attempts = 5
const longestPauseFactor = 6
const closeGraceMs = 5_000

/** Posts events as an EventList to a webhook, in batches and in order; a batch that fails five times is given up. */
export class WebhookSink implements AuditSink {
  readonly name = 'webhook'
  readonly #options: WebhookSinkOptions
  readonly #queue: AuditQueue
  readonly #stopping = new AbortController()
  readonly #giveUp = new AbortController()
  #wake: (() => void) | undefined
  readonly #running: Promise<void>

  constructor(options: WebhookSinkOptions) {
    this.#options = options
    this.#queue = new AuditQueue(options.bufferSize, maxBytes)
    this.#running = this.#run()
  }

  take(line: string): boolean {
    if (this.#stopping.signal.aborted || !this.#queue.push(line)) return false
    if (this.#queue.size === 1 || this.#queue.size >= this.#options.maxBatchSize) this.#wake?.()
    return true
  }

  async close(): Promise<void> {
    const { clock, client } = this.#options
    const cancel = clock.after(closeGraceMs, () => this.#giveUp.abort(new Error('the server is closing')))
    this.#stopping.abort()
    this.#wake?.()
    await this.#running
    cancel()
    client.close()
  }

  async #run(): Promise<void> {
    const { maxBatchSize, maxWaitMs, onLost } = this.#options
    while (!this.#stopping.signal.aborted || this.#queue.size > 0) {
      await this.#until(() => this.#queue.size > 0)
      await this.#until(() => this.#queue.size >= maxBatchSize, maxWaitMs)
      const batch = this.#queue.shift(maxBatchSize)
      if (batch.length > 0 && !(await this.#send(batch))) onLost(batch.length)
    }
  }

  /** Waits for the condition, the time, or the end of the server, whichever comes first. */
  async #until(condition: () => boolean, mostMs?: number): Promise<void> {
    let isLate = false
    const cancel =
      mostMs === undefined
        ? undefined
        : this.#options.clock.after(mostMs, () => {
            isLate = true
            this.#wake?.()
          })
    while (!isLate && !condition() && !this.#stopping.signal.aborted) {
      await new Promise<void>((resolve) => (this.#wake = resolve))
    }
    this.#wake = undefined
    cancel?.()
  }

  async #send(batch: readonly string[]): Promise<boolean> {
    const { client, clock, log, initialBackoffMs } = this.#options
    const head = '{"kind":"EventList","apiVersion":"audit.k8s.io/v1","metadata":{},"items":['
    const body = Buffer.from(`${head}${batch.join(',')}]}`)
    const maxMs = initialBackoffMs * longestPauseFactor
    const pauses = new BackOff({ firstMs: initialBackoffMs, maxMs, random: Math.random })
    const { signal } = this.#giveUp
    for (let attempt = 1; ; attempt++) {
      try {
        await client.send(body, { timeoutMs: callTimeoutMs, signal })
        return true
      } catch (error) {
        const isLast = attempt === attempts || !isWorthRetrying(error) || signal.aborted
        log.warn('Sending audit events failed', { error, events: batch.length, attempt, givenUp: isLast })
        if (isLast) return false
        await sleep(clock, pauses.next(), signal).catch(() => {})
      }
    }
  }
}

function isWorthRetrying(error: unknown): boolean {
  if (!(error instanceof WebhookError)) return true
  if (error.failure !== 'status') return error.failure !== 'config'
  return error.code === undefined || error.code === 429 || error.code >= 500
}
