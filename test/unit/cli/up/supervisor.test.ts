import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { systemClock } from '../../../../apimachinery/clock.ts'
import { Supervisor } from '../../../../cli/up/supervisor.ts'

let logDir: string
beforeEach(async () => {
  logDir = await mkdtemp(join(tmpdir(), 'kvorum-supervisor-'))
})
afterEach(() => rm(logDir, { recursive: true, force: true }))

/** Resolves when the program has said `count` lines that match. */
async function said(name: string, pattern: RegExp, count: number): Promise<string[]> {
  return expect
    .poll(
      async () => (await readFile(join(logDir, `${name}.log`), 'utf8')).match(new RegExp(pattern, 'g')) ?? [],
      { timeout: 8000, interval: 20 },
    )
    .toHaveLength(count)
    .then(
      async () => (await readFile(join(logDir, `${name}.log`), 'utf8')).match(new RegExp(pattern, 'g')) ?? [],
    )
}

test('a program that is killed is started again, and stopped for good in the end', async () => {
  const reports: string[] = []
  const supervisor = new Supervisor({ clock: systemClock, logDir, report: (line) => reports.push(line) })
  supervisor.start({ name: 'sleeper', command: ['sh', '-c', 'echo pid=$$; exec sleep 600'] })
  const [first] = await said('sleeper', /pid=\d+/, 1)
  process.kill(Number(first?.slice(4)), 'SIGKILL')

  const [, second] = await said('sleeper', /pid=\d+/, 2)
  await supervisor.stop()

  expect(reports).toEqual([expect.stringContaining('sleeper ended (SIGKILL)')])
  expect(() => process.kill(Number(second?.slice(4)), 0)).toThrow('ESRCH')
})

test('a program that cannot be found is reported, not a crash of the supervisor', async () => {
  const reports: string[] = []
  const supervisor = new Supervisor({ clock: systemClock, logDir, report: (line) => reports.push(line) })
  supervisor.start({ name: 'ghost', command: ['/nonexistent/program'] })

  await expect.poll(() => reports.length, { timeout: 5000 }).toBeGreaterThan(0)
  await supervisor.stop()

  expect(reports[0]).toContain('ghost ended')
})
