import { type ChildProcess, spawn } from 'node:child_process'
import { openSync, closeSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../../apimachinery/clock.ts'

const firstRestartMs = 200
const longestRestartMs = 10_000
// A program that ran this long did not fail at starting: the back-off begins anew.
const settledMs = 30_000
const stopGraceMs = 15_000

export interface Program {
  readonly name: string
  readonly command: readonly [string, ...string[]]
}

export interface SupervisorDeps {
  readonly clock: Clock
  readonly logDir: string
  readonly report: (line: string) => void
}

/**
 * Keeps child processes running: one that ends is started again with back-off, until it is stopped. Children die
 * with this process, however it dies (the kernel sees to it), so that nothing is left to clash with the next start.
 */
export class Supervisor {
  readonly #deps: SupervisorDeps
  readonly #children: Child[] = []

  constructor(deps: SupervisorDeps) {
    this.#deps = deps
  }

  start(program: Program): void {
    const child = new Child(program, this.#deps)
    this.#children.push(child)
    child.start()
  }

  /** Ends a program in order; like any other that ended, it is started again. */
  restart(name: string): void {
    for (const child of this.#children) if (child.name === name) child.end()
  }

  /** Stops every program, the last started first, and waits until it is gone. */
  async stop(): Promise<void> {
    for (const child of this.#children.toReversed()) await child.stop()
  }
}

class Child {
  readonly #program: Program
  readonly #deps: SupervisorDeps
  #process: ChildProcess | undefined
  #stopping = false
  #failures = 0
  #startedAt = 0
  #cancelRestart: () => void = () => {}

  constructor(program: Program, deps: SupervisorDeps) {
    this.#program = program
    this.#deps = deps
  }

  get name(): string {
    return this.#program.name
  }

  end(): void {
    this.#process?.kill('SIGTERM')
  }

  start(): void {
    const { clock, logDir } = this.#deps
    const log = openSync(join(logDir, `${this.#program.name}.log`), 'a', 0o600)
    this.#startedAt = clock.monotonic()
    // setpriv asks the kernel to end the program when this process ends.
    const child = spawn('setpriv', ['--pdeathsig', 'TERM', '--', ...this.#program.command], {
      stdio: ['ignore', log, log],
      detached: true, // Ctrl-C is for us alone: we stop the programs in order
    })
    closeSync(log)
    this.#process = child
    child.once('error', (error) => this.#ended(error.message))
    child.once('exit', (code, signal) => this.#ended(signal ?? `exit code ${String(code)}`))
  }

  #ended(how: string): void {
    this.#process = undefined
    if (this.#stopping) return
    const { clock, logDir, report } = this.#deps
    const ranMs = clock.monotonic() - this.#startedAt
    this.#failures = ranMs > settledMs ? 0 : this.#failures + 1
    const delay = Math.min(firstRestartMs * 2 ** Math.max(0, this.#failures - 1), longestRestartMs)
    const { name } = this.#program
    report(`${name} ended (${how}); starting it again, see ${join(logDir, `${name}.log`)}`)
    this.#cancelRestart = clock.after(delay, () => this.start())
  }

  async stop(): Promise<void> {
    this.#stopping = true
    this.#cancelRestart()
    const child = this.#process
    if (child === undefined) return
    const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()))
    child.kill('SIGTERM')
    const cancelKill = this.#deps.clock.after(stopGraceMs, () => child.kill('SIGKILL'))
    await gone
    cancelKill()
  }
}
