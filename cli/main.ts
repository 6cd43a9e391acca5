import { Command, CommanderError } from 'commander'
import { isConflict, StatusError } from '../apimachinery/status-error.ts'
import { version } from '../apimachinery/version.ts'
import { addObjectCommands, addServerOptions } from './object-commands.ts'
import { addProgramCommands } from './program-commands.ts'

/** The `kvorum` command. Resolves to the exit code; never throws. */
export async function main(argv: readonly string[]): Promise<number> {
  const stop = new AbortController()
  const abort = () => stop.abort()
  process.once('SIGINT', abort)
  process.once('SIGTERM', abort)
  const program = new Command('kvorum')
    .description('Virtual machines, declared: Kubernetes-style objects on etcd and libvirt.')
    .version(version, '--version')
    .showHelpAfterError()
    .exitOverride()
  addServerOptions(program)
  addObjectCommands(program, stop.signal)
  addProgramCommands(program, stop.signal)
  try {
    await program.parseAsync([...argv], { from: 'user' })
    return 0
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode
    if (stop.signal.aborted && isAbort(error)) return 130
    process.stderr.write(`${explain(error)}\n`)
    return 1
  } finally {
    process.off('SIGINT', abort)
    process.off('SIGTERM', abort)
  }
}

const messageIsEnough = new Set(['UsageError', 'ConfigError', 'MissingProgramError'])

function isAbort(error: unknown): boolean {
  return error instanceof Error && (error.name === 'AbortError' || error.name === 'TimeoutError')
}

/** What a person at a terminal needs; a stack only for what is our fault. */
function explain(error: unknown): string {
  // Each program has a class of its own for what its user got wrong.
  if (error instanceof Error && messageIsEnough.has(error.name)) return `error: ${error.message}`
  if (error instanceof StatusError) {
    const origin = error.reason === 'ServiceUnavailable' ? '' : `Error from server (${error.reason}): `
    const hint =
      isConflict(error) && error.message.startsWith('Apply failed')
        ? '\nTo take the fields over: --force-conflicts'
        : ''
    return `${origin}${error.message}${hint}`
  }
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
