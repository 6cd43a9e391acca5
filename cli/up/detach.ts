import { spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { UsageError } from '../usage-error.ts'
import { type DataLayout, makeLayout } from './layout.ts'
import { runningPid } from './pid-file.ts'

/** Prints a line of progress, and tells it to the process that started this one in the background. */
export function report(line: string): void {
  process.stdout.write(`${line}\n`)
  if (process.connected === true) process.send?.({ line })
}

/** After this the process in the background is on its own. */
export function leaveParent(): void {
  if (process.connected === true) process.send?.({ ready: true }, () => process.disconnect())
}

/** Starts `kvorum up` in the background, shows what it reports until it is ready, and leaves it to itself. */
export async function detach(layout: DataLayout, signal: AbortSignal): Promise<void> {
  await makeLayout(layout)
  const other = await runningPid(layout.pidFile)
  if (other !== undefined) throw new UsageError(`kvorum up runs here already, as process ${other}`)
  const logFile = join(layout.logs, 'up.log')
  const log = openSync(logFile, 'a', 0o600)
  const args = process.argv.slice(1).filter((arg) => arg !== '--detach')
  const child = spawn(process.execPath, args, { detached: true, stdio: ['ignore', log, log, 'ipc'] })
  closeSync(log)
  signal.addEventListener('abort', () => child.kill('SIGTERM'), { once: true })
  await new Promise<void>((resolve, reject) => {
    child.on('message', (message) => {
      if (typeof message !== 'object') return
      if ('line' in message) process.stdout.write(`${String(message.line)}\n`)
      if ('ready' in message) resolve()
    })
    child.once('exit', (code) =>
      reject(new UsageError(`kvorum up ended with ${String(code)}: see ${logFile}`)),
    )
  })
  child.removeAllListeners()
  child.unref()
}
