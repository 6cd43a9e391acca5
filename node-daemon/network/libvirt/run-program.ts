import { spawn } from 'node:child_process'

export interface ProgramResult {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs a program by its argument vector on the host whose networks these are; resolves whatever its exit code is. */
export type RunProgram = (argv: readonly string[], input?: string) => Promise<ProgramResult>

const maxMs = 20_000
const maxOutput = 8 * 1024 * 1024

/** Runs programs beside this process. Rejects when there is no such program or it takes longer than 20 s. */
export const runHere: RunProgram = (argv, input = '') => {
  const [file = '', ...args] = argv
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { stdio: 'pipe', timeout: maxMs, killSignal: 'SIGKILL' })
    const output = { stdout: '', stderr: '' }
    const collect = (name: keyof typeof output) => (text: string) => {
      if (output[name].length < maxOutput) output[name] += text
    }
    child.stdout.setEncoding('utf8').on('data', collect('stdout'))
    child.stderr.setEncoding('utf8').on('data', collect('stderr'))
    // A program that ends without reading its input is judged by its exit code.
    child.stdin.on('error', () => {})
    child.stdin.end(input)
    child.once('error', reject)
    child.once('close', (code, signal) => {
      if (code === null) reject(new Error(`${file} was ended by ${String(signal)}`))
      else resolve({ code, ...output })
    })
  })
}
