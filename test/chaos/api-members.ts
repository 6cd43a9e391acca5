import { parseArgs } from 'node:util'
import { runChaos } from './api-members/run.ts'

/**
 * Kills API servers and etcd members under load and looks for lost writes and events:
 * `node test/chaos/api-members.ts [--seconds 300] [--every 10] [--writers 64] [--watchers 200] [--pause-ms 500]`.
 * Ends with 1 when something was lost.
 */
const say = (line: string) => void process.stdout.write(`${line}\n`)
const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '300' },
    every: { type: 'string', default: '10' },
    writers: { type: 'string', default: '64' },
    watchers: { type: 'string', default: '200' },
    'pause-ms': { type: 'string', default: '500' },
    logs: { type: 'boolean', default: false },
  },
})
const report = await runChaos({
  seconds: Number(values.seconds),
  everySeconds: Number(values.every),
  writers: Number(values.writers),
  watchers: Number(values.watchers),
  pauseMs: Number(values['pause-ms']),
  say,
})
const { violations, logs, ...counts } = report
if (values.logs) say(logs)
say(JSON.stringify(counts, undefined, 2))
for (const violation of violations) say(`VIOLATION ${violation}`)
say(violations.length === 0 ? 'no write and no event was lost or repeated' : 'something went wrong')
process.exitCode = violations.length === 0 ? 0 : 1
