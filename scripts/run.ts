import { execFile, type ExecFileOptions } from 'node:child_process'
import { promisify } from 'node:util'

const execFileAsync = promisify(execFile)

/** Runs a program with an argument vector and returns its standard output; a failure carries its standard error. */
export async function run(
  file: string,
  args: readonly string[],
  options: ExecFileOptions = {},
): Promise<string> {
  try {
    const { stdout } = await execFileAsync(file, args, { maxBuffer: 64 << 20, ...options, encoding: 'utf8' })
    return stdout
  } catch (error) {
    const stderr = (error as { stderr?: string }).stderr?.trim() ?? ''
    throw new Error(`${file} ${args.join(' ')} failed${stderr ? `:\n${stderr}` : ''}`, { cause: error })
  }
}
