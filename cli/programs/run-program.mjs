// Runs one of the long-running programs, on a Node that is set up for it. Plain JavaScript, so that the stripper of
// types is not loaded for it.
import { enableCompileCache } from 'node:module'
import { join } from 'node:path'
import { codeOf } from './bundle.mjs'

/**
 * What the programs want of V8: to collect garbage when there is as much of it as of the rest, where it would wait for
 * several times that, and to do it when asked, at the end of the start.
 */
export const nodeFlags = ['--max-semi-space-size=16', '--heap-growing-percent=100', '--expose-gc']
/** By then the start is over, and what it left behind can go. */
const settledMs = 10_000
const messageIsEnough = new Set(['UsageError', 'ConfigError', 'MissingProgramError'])

export async function runProgram(name, args) {
  takeFlags()
  enableCompileCache(join(import.meta.dirname, '..', '..', '.cache', 'compiled'))
  const stop = new AbortController()
  const abort = () => stop.abort()
  process.once('SIGINT', abort)
  process.once('SIGTERM', abort)
  try {
    const { main } = await import(await codeOf(name))
    // The API server does it before it serves, when nobody has to wait for it.
    // oxlint-disable-next-line no-restricted-globals -- a clock would bring TypeScript in
    if (name !== 'apiserver') setTimeout(() => globalThis.gc?.(), settledMs).unref()
    await main(args, stop.signal)
  } catch (error) {
    if (stop.signal.aborted && ['AbortError', 'TimeoutError'].includes(error?.name)) {
      process.exitCode = 130
      return
    }
    process.stderr.write(`${messageIsEnough.has(error?.name) ? `error: ${error.message}` : error?.stack}\n`)
    process.exitCode = 1
  } finally {
    process.off('SIGINT', abort)
    process.off('SIGTERM', abort)
  }
}

/** Starts Node anew in this very process, if it was started without the flags. */
function takeFlags() {
  const names = (flags) => flags.map((flag) => flag.split('=')[0])
  const given = new Set(names(process.execArgv))
  const missing = nodeFlags.filter((flag) => !given.has(flag.split('=')[0]))
  if (missing.length === 0 || process.execve === undefined || process.connected) return
  const [, script, ...args] = process.argv
  process.execve(process.execPath, [process.execPath, ...process.execArgv, ...missing, script, ...args])
}
