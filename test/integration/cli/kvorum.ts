import { spawn } from 'node:child_process'
import { PassThrough, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { main } from '../../../cli/main.ts'

export interface Result {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  /** Standard input. */
  readonly input?: string
  readonly env?: Readonly<Record<string, string>>
}

/** Runs the command line inside this process: as fast as it is when its program is loaded. */
export async function kvorum(
  kubeconfig: string,
  args: readonly string[],
  { input = '', env = {} }: RunOptions = {},
): Promise<Result> {
  const output = new Collector()
  const errors = new Collector()
  const stdin = new PassThrough()
  stdin.end(input)
  const code = await main(args, {
    streams: {
      input: stdin,
      output,
      errors,
      env: { PATH: process.env['PATH'], HOME: '/nonexistent', KUBECONFIG: kubeconfig, ...env },
    },
  })
  return { code, stdout: output.text, stderr: errors.text }
}

class Collector extends Writable {
  text = ''

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString('utf8')
    done()
  }
}

/** Runs one of the programs in `cli/` as people do. */
export function kvorumProcess(
  script: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<Result> {
  const file = fileURLToPath(new URL(`../../../cli/${script}`, import.meta.url))
  return collect(process.execPath, [file, ...args], env)
}

/** Ends with whatever the program ends with. */
export function collect(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<Result> {
  const child = spawn(program, args, { env: { PATH: process.env['PATH'], ...env }, timeout: 50_000 })
  child.stdin.end()
  return new Promise((resolve, reject) => {
    const result = { stdout: '', stderr: '' }
    child.stdout.setEncoding('utf8').on('data', (text: string) => (result.stdout += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (result.stderr += text))
    child.once('error', reject)
    child.once('close', (code) => resolve({ code: code ?? -1, ...result }))
  })
}

/** What two runs have in common: ages, the programs' names and the namespaces that tests keep them apart by. */
export function normalized({ code, stdout, stderr }: Result, namespace?: string): Result {
  const plain = (text: string) => {
    const renamed = text.replaceAll('kubectl', 'kvorum')
    const placed = namespace === undefined ? renamed : renamed.replaceAll(namespace, 'NAMESPACE')
    return placed.replaceAll(/(?<=\s|\()\d+[smh](?:\d+[sm])?(?=\s|\)|$)/g, 'AGE').replaceAll(/ +AGE/g, ' AGE')
  }
  return { code, stdout: plain(stdout), stderr: plain(stderr) }
}
