import type { Logger } from '../../apimachinery/log.ts'
import { AuditQueue, type AuditSink } from './audit-sink.ts'

/** What lines are appended to: a rotating file or standard output. */
export interface LineWriter {
  append(bytes: Buffer): Promise<void>
  close(): Promise<void>
}

const mostLines = 20_000
const mostBytes = 64 * 1024 * 1024
/** What is written at a time, so that one write stays short and files end close to their limit. */
const linesAtOnce = 500
const bytesAtOnce = 512 * 1024

export interface LogSinkDeps {
  readonly log: Logger
  /** Counts events that could not be written. */
  readonly onLost: (events: number) => void
}

/** Writes events as lines of JSON, in order, many at a time while the disk is slow. */
export class LogSink implements AuditSink {
  readonly name = 'log'
  readonly #queue = new AuditQueue(mostLines, mostBytes)
  readonly #writer: LineWriter
  readonly #deps: LogSinkDeps
  #writing: Promise<void> | undefined
  #isFailing = false

  constructor(writer: LineWriter, deps: LogSinkDeps) {
    this.#writer = writer
    this.#deps = deps
  }

  take(line: string): boolean {
    if (!this.#queue.push(line)) return false
    this.#writing ??= this.#writeAll()
    return true
  }

  async close(): Promise<void> {
    await this.#writing
    await this.#writer.close()
  }

  async #writeAll(): Promise<void> {
    // What else is logged in this turn goes out with the first write.
    await Promise.resolve()
    while (this.#queue.size > 0) {
      const lines = this.#queue.shift(linesAtOnce, bytesAtOnce)
      try {
        await this.#writer.append(Buffer.from(`${lines.join('\n')}\n`))
        this.#isFailing = false
      } catch (error) {
        this.#deps.onLost(lines.length)
        // Once: a full disk must not fill the other log as well.
        if (!this.#isFailing) this.#deps.log.error('Writing the audit log failed', { error })
        this.#isFailing = true
      }
    }
    this.#writing = undefined
  }
}

/** Standard output as a writer; it is left open. */
export function standardOutput(): LineWriter {
  return {
    append: (bytes) =>
      new Promise((resolve, reject) => {
        process.stdout.write(bytes, (error) => (error ? reject(error) : resolve()))
      }),
    async close() {},
  }
}
