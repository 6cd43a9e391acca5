import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const execFileAsync = promisify(execFile)

/** Runs a short program with an argument vector and returns what it prints. */
export async function run(file: string, args: readonly string[]): Promise<string> {
  const { stdout } = await execFileAsync(file, args, { timeout: 30_000, maxBuffer: 16 << 20 })
  return stdout
}
