import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { Clock } from '../../../apimachinery/clock.ts'
import { sleep } from '../../../apimachinery/clock.ts'
import type { Logger } from '../../../apimachinery/log.ts'
import { parseEncryptionConfig, type EncryptionConfig } from './encryption-config.ts'

const lookEveryMs = 5_000

/** An EncryptionConfiguration in a file, read again when it changes. */
export class EncryptionConfigFile {
  readonly #path: string
  #current: EncryptionConfig
  #hash: string

  private constructor(path: string, read: { config: EncryptionConfig; hash: string }) {
    this.#path = path
    this.#current = read.config
    this.#hash = read.hash
  }

  /** Throws when the file cannot be read or is not valid. */
  static async open(path: string): Promise<EncryptionConfigFile> {
    const text = await readFile(path, 'utf8')
    return new EncryptionConfigFile(path, { config: parseEncryptionConfig(text), hash: hashOf(text) })
  }

  get current(): EncryptionConfig {
    return this.#current
  }

  /** Looks every five seconds until `signal`; what is not valid is logged, and the configuration stays as it was. */
  async follow(
    deps: { readonly clock: Clock; readonly log: Logger; readonly onChange: () => void },
    signal: AbortSignal,
  ): Promise<void> {
    const { clock, log, onChange } = deps
    let failed = ''
    for (;;) {
      await sleep(clock, lookEveryMs, signal).catch(() => {})
      if (signal.aborted) return
      try {
        if (!(await this.#reload())) continue
        failed = ''
        log.info('Encryption configuration changed', { path: this.#path })
        onChange()
      } catch (error) {
        const { message } = error as Error
        if (message !== failed)
          log.error('Encryption configuration is not valid: the last one stays', { error })
        failed = message
      }
    }
  }

  async #reload(): Promise<boolean> {
    const text = await readFile(this.#path, 'utf8')
    const hash = hashOf(text)
    if (hash === this.#hash) return false
    this.#current = parseEncryptionConfig(text)
    this.#hash = hash
    return true
  }
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
