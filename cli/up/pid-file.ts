import { readFile, rm, writeFile } from 'node:fs/promises'
import { UsageError } from '../usage-error.ts'

/** The process that `kvorum up` runs as, if it runs. A stale file of a process that died is not believed. */
export async function runningPid(pidFile: string): Promise<number | undefined> {
  const pid = Number(await readFile(pidFile, 'utf8').catch(() => ''))
  if (!Number.isInteger(pid) || pid <= 0) return undefined
  return (await isUp(pid)) ? pid : undefined
}

/** Whether the process with this number is a `kvorum up`. */
export async function isUp(pid: number): Promise<boolean> {
  const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
  return command.split('\0').includes('up') && command.includes('kvorum')
}

/** Claims the data directory for this process; two would fight over etcd's files. */
export async function claim(pidFile: string): Promise<void> {
  const other = await runningPid(pidFile)
  if (other !== undefined && other !== process.pid) {
    throw new UsageError(`kvorum up runs here already, as process ${other}: stop it with kvorum down`)
  }
  await writeFile(pidFile, `${process.pid}\n`, { mode: 0o644 })
}

export async function release(pidFile: string): Promise<void> {
  await rm(pidFile, { force: true })
}
