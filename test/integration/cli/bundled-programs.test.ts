import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const run = promisify(execFile)
const program = fileURLToPath(new URL('../../../cli/kvorum.mjs', import.meta.url))

test.each(['apiserver', 'controllers', 'node-daemon'])('%s is the same as a bundle', async (name) => {
  const help = async (mode: 'on' | 'off') =>
    (await run(process.execPath, [program, name, '--help'], { env: { ...process.env, KVORUM_BUNDLE: mode } }))
      .stdout
  expect(await help('on')).toBe(await help('off'))
})

test.each(['on', 'off'])('a wrong command line is told in one line (bundle %s)', async (mode) => {
  const env = { ...process.env, KVORUM_BUNDLE: mode }
  const failed = run(process.execPath, [program, 'apiserver', '--nonsense'], { env })
  await expect(failed).rejects.toMatchObject({ code: 1, stderr: "error: Unknown option '--nonsense'\n" })
})
