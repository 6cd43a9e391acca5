import { open, readdir, rename, rm, type FileHandle } from 'node:fs/promises'
import { basename, dirname, extname, join } from 'node:path'
import type { Clock } from '../../apimachinery/clock.ts'

export interface RotatingFileOptions {
  readonly path: string
  /** A new file is begun before this is exceeded; 0 is no limit. */
  readonly maxBytes: number
  /** Old files that are kept; 0 keeps all. */
  readonly maxBackups: number
  /** Old files are deleted after this many days; 0 keeps them. */
  readonly maxAgeDays: number
  readonly clock: Clock
}

const dayMs = 86_400_000

/**
 * A file that is appended to and set aside when it is full, as `audit-2026-01-02T03-04-05.678.log` beside
 * `audit.log`. Readable by its owner alone. Calls must not overlap.
 */
export class RotatingFile {
  readonly #options: RotatingFileOptions
  #file: FileHandle | undefined
  #size = 0

  constructor(options: RotatingFileOptions) {
    this.#options = options
  }

  async append(bytes: Buffer): Promise<void> {
    const { maxBytes } = this.#options
    let file = await this.#opened()
    if (maxBytes > 0 && this.#size > 0 && this.#size + bytes.length > maxBytes) {
      await this.#rotate()
      file = await this.#opened()
    }
    await file.appendFile(bytes)
    this.#size += bytes.length
  }

  /** Opens the file, so that a path that cannot be written is known at once. */
  async check(): Promise<void> {
    await this.#opened()
  }

  async close(): Promise<void> {
    const file = this.#file
    this.#file = undefined
    await file?.close()
  }

  async #opened(): Promise<FileHandle> {
    if (this.#file) return this.#file
    const file = await open(this.#options.path, 'a', 0o600)
    this.#size = (await file.stat()).size
    this.#file = file
    return file
  }

  async #rotate(): Promise<void> {
    const { path, clock } = this.#options
    await this.close()
    const { stem, extension } = this.#nameParts()
    const time = new Date(clock.now()).toISOString().slice(0, 23).replaceAll(':', '-')
    await rename(path, join(dirname(path), `${stem}-${time}${extension}`))
    await this.#prune()
  }

  async #prune(): Promise<void> {
    const { path, maxBackups, maxAgeDays, clock } = this.#options
    const oldest = maxAgeDays > 0 ? clock.now() - maxAgeDays * dayMs : -Infinity
    const backups = (await readdir(dirname(path)))
      .flatMap((name) => {
        const at = this.#timeOf(name)
        return at === undefined ? [] : [{ name, at }]
      })
      .toSorted((a, b) => b.at - a.at)
    for (const [index, { name, at }] of backups.entries()) {
      const isKept = at >= oldest && (maxBackups === 0 || index < maxBackups)
      if (!isKept) await rm(join(dirname(path), name), { force: true })
    }
  }

  /** When a file was set aside; undefined for other files. */
  #timeOf(name: string): number | undefined {
    const { stem, extension } = this.#nameParts()
    if (!name.startsWith(`${stem}-`) || !name.endsWith(extension)) return undefined
    const text = name.slice(stem.length + 1, name.length - extension.length)
    const [, day, hours, minutes, seconds] =
      /^(\d{4}-\d\d-\d\d)T(\d\d)-(\d\d)-(\d\d\.\d{3})$/.exec(text) ?? []
    return day === undefined ? undefined : Date.parse(`${day}T${hours}:${minutes}:${seconds}Z`)
  }

  #nameParts(): { stem: string; extension: string } {
    const extension = extname(this.#options.path)
    return { stem: basename(this.#options.path, extension), extension }
  }
}
