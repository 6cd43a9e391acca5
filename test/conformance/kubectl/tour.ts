import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestApiServer } from '../../support/apiserver.ts'
import type { KubectlProgram } from '../../support/kubectls.ts'

/** A text in full without the space around it, what it has to match, or several of those that all have to hold. */
export type Expected = string | RegExp | readonly RegExp[]

/** One invocation of kubectl and what has to come of it. */
export interface TourCase {
  /** Arguments: one text is split at spaces. */
  readonly run: string | readonly string[]
  /** Standard input; an object is sent as JSON. */
  readonly input?: string | object
  /** Files in the working directory, written before. Objects become JSON. */
  readonly files?: Readonly<Record<string, string | object>>
  readonly env?: Readonly<Record<string, string>>
  /** Exit code, or those that will do. Default 0. */
  readonly code?: number | readonly number[]
  /** Standard output; anything will do when left out. */
  readonly out?: Expected
  /** Standard error; default none at all. */
  readonly err?: Expected
  /** Minor version of the first kubectl that knows this. */
  readonly since?: number
  /** Minor version of the first kubectl that no longer does it this way. */
  readonly before?: number
  /** Remembers standard output: `$NAME` stands for it in input and files of later cases. */
  readonly keep?: string
  /** For invocations that go on until they are ended. */
  readonly follow?: Follow
}

/** What happens while an invocation runs. */
export interface Follow {
  /** Once the output matches `seen`, kubectl is run with `run` beside it; one after the other. */
  readonly steps?: readonly { readonly seen: RegExp; readonly run: string | readonly string[] }[]
  /** Run again and again until `until` matches; `$COUNT` grows. For what is seen only once the watch has begun. */
  readonly repeat?: string
  /** The invocation is ended when its output matches; when left out, it has to end by itself. */
  readonly until?: RegExp
}

export interface KubectlResult {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Far more than any takes; an invocation that hangs is ended and shows what it printed. */
const limitMs = 30_000

/** Runs one kubectl against one server from a home and working directory of its own. */
export class KubectlTour {
  readonly home = mkdtempSync(join(tmpdir(), 'kvorum-tour-'))
  readonly #program: KubectlProgram
  readonly #kept = new Map<string, string>()

  constructor(program: KubectlProgram, server: TestApiServer) {
    this.#program = program
    // A copy, because `kubectl config` writes it.
    writeFileSync(join(this.home, 'kubeconfig'), server.adminKubeconfig, { mode: 0o600 })
    for (const name of ['certificate', 'key']) {
      const [, data = ''] = new RegExp(`client-${name}-data: (\\S+)`).exec(server.adminKubeconfig) ?? []
      writeFileSync(join(this.home, `client-${name}.pem`), Buffer.from(data, 'base64'))
    }
  }

  /** Runs a case and returns what came of it; whether that is right is for the caller to say. */
  async run(tourCase: TourCase): Promise<KubectlResult> {
    for (const [name, content] of Object.entries(tourCase.files ?? {})) {
      writeFileSync(join(this.home, name), this.#withKept(textOf(content)))
    }
    const child = this.#start(tourCase.run, tourCase.env)
    child.stdin?.end(this.#withKept(textOf(tourCase.input ?? '')))
    const finished = resultOf(child)
    if (tourCase.follow !== undefined) await this.#follow(child, tourCase.follow)
    if (tourCase.keep !== undefined) this.#kept.set(tourCase.keep, (await finished).stdout.trim())
    return finished
  }

  #withKept(text: string): string {
    let result = text
    for (const [name, value] of this.#kept) result = result.replaceAll(`$${name}`, value)
    return result
  }

  #start(run: string | readonly string[], env: Readonly<Record<string, string>> = {}): ChildProcess {
    const args = typeof run === 'string' ? run.split(' ') : [...run]
    return spawn(this.#program.path, args, {
      cwd: this.home,
      timeout: limitMs,
      env: {
        PATH: process.env['PATH'],
        HOME: this.home,
        KUBECONFIG: join(this.home, 'kubeconfig'),
        ...env,
      },
    })
  }

  /** Resolves when every step was taken and the invocation was told to end, or when it ended by itself. */
  async #follow(child: ChildProcess, { steps = [], repeat, until }: Follow): Promise<void> {
    const output = watchOutput(child)
    for (const { seen, run } of steps) {
      if (!(await output.matches(seen))) return
      await this.#beside(run)
    }
    if (until === undefined) return
    for (let count = 0; repeat !== undefined && !output.matchesNow(until); count++) {
      await this.#beside(repeat.replace('$COUNT', String(count)))
    }
    await output.matches(until)
    child.kill('SIGTERM')
  }

  async #beside(run: string | readonly string[]): Promise<void> {
    const { code, stderr } = await resultOf(this.#start(run))
    if (code !== 0) throw new Error(`kubectl ${String(run)} ended with ${code}: ${stderr}`)
  }

  close(): void {
    rmSync(this.home, { recursive: true, force: true })
  }
}

function textOf(content: string | object): string {
  return typeof content === 'string' ? content : JSON.stringify(content)
}

function resultOf(child: ChildProcess): Promise<KubectlResult> {
  return new Promise((resolve, reject) => {
    const output = { stdout: '', stderr: '' }
    child.stdout?.setEncoding('utf8').on('data', (text: string) => (output.stdout += text))
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (output.stderr += text))
    child.once('error', reject)
    child.once('close', (code) => resolve({ code: code ?? -1, ...output }))
  })
}

interface WatchedOutput {
  /** False when the program ended before its output matched. */
  matches(pattern: RegExp): Promise<boolean>
  /** True as well when the program has ended and nothing more will come. */
  matchesNow(pattern: RegExp): boolean
}

function watchOutput(child: ChildProcess): WatchedOutput {
  let text = ''
  let ended = false
  let wake = () => {}
  child.stdout?.on('data', (more: string) => {
    text += more
    wake()
  })
  child.once('close', () => {
    ended = true
    wake()
  })
  return {
    matchesNow: (pattern) => ended || pattern.test(text),
    async matches(pattern) {
      while (!pattern.test(text)) {
        if (ended) return false
        await new Promise<void>((resolve) => (wake = resolve))
      }
      return true
    },
  }
}
