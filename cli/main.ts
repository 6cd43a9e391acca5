import { CommanderError } from 'commander'
import { commandLine } from './command-line/program.ts'
import { plainFlags } from './command-line/plain-flags.ts'
import { explainError } from './explain-error.ts'
import { processStreams, type Streams } from './streams.ts'
import { ExitError } from './usage-error.ts'

/** Exit code of a command that was interrupted, as shells have it. */
const interrupted = 130

export interface MainOptions {
  readonly streams?: Streams
  /** How people start this program, for `--help`. */
  readonly programName?: string
}

/** The `kvorum` command. Resolves to the exit code; never throws. */
export async function main(argv: readonly string[], options: MainOptions = {}): Promise<number> {
  const { streams = processStreams(), programName = 'kvorum' } = options
  const stop = new AbortController()
  const abort = () => stop.abort()
  process.once('SIGINT', abort)
  process.once('SIGTERM', abort)
  // Whoever reads our output may have seen enough: `kvorum get vm | head -1`.
  const closed = (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') abort()
  }
  streams.output.on('error', closed)
  const program = commandLine({ signal: stop.signal, streams, programName })
  try {
    await program.parseAsync(plainFlags(program, argv), { from: 'user' })
    return 0
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode
    if (error instanceof ExitError) return error.exitCode
    if (stop.signal.aborted && isAbort(error)) return interrupted
    streams.errors.write(`${explainError(error, serverOf(error))}\n`)
    return exitCodeOf(error)
  } finally {
    process.off('SIGINT', abort)
    process.off('SIGTERM', abort)
    streams.output.off('error', closed)
  }
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && (error.name === 'AbortError' || error.name === 'TimeoutError')
}

function exitCodeOf(error: unknown): number {
  return error instanceof Error && 'exitCode' in error && typeof error.exitCode === 'number'
    ? error.exitCode
    : 1
}

function serverOf(error: unknown): string {
  return error instanceof Error && 'server' in error && typeof error.server === 'string' ? error.server : ''
}
