import type { Logger } from '../../apimachinery/log.ts'
import { AuditQueue, type AuditSink } from './audit-sink.ts'

/** What lines are appended to: a rotating file or standard output. */
export interface LineWriter {
  append(bytes: Buffer): Promise<void>
  close(): Promise<void>
}

const mostLines = 20_000
const mostBytes = 64 * 1024 * 1024
/** Lines written at a time, so that one write stays short. */
const linesAtOnce = 500

/** Writes events as lines of JSON, in order, many at a time while the disk is slow. */
export class LogSink implements AuditSink {
  readonly name = 'log'
  readonly #queue = new AuditQueue(mostLines, mostBytes)
  readonly #writer: LineWriter
  readonly #log: Logger
  #writing: Promise<void> | undefined
  #isFailing = false

  constructor(writer: LineWriter, log: Logger) {
    this.#writer = writer
    this.#log = log
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
      const lines = this.#queue.shift(linesAtOnce)
      try {
        await this.#writer.append(Buffer.from(`${lines.join('\n')}\n`))
        this.#isFailing = false
      } catch (error) {
        // Once: a full disk must not fill the other log as well.
        if (!this.#isFailing) this.#log.error('Writing the audit log failed', { error, lost: lines.length })
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
