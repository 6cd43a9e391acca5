/** Fuzzes every decoder. Run: `node scripts/fuzz.ts [seconds] [seed]`; ten minutes by default. */
import { fuzz } from '../test/fixtures/fuzz.ts'

const seconds = Number(process.argv[2] ?? 600)
const seed = Number(process.argv[3] ?? Date.now() & 0x7fff_ffff)
const end = performance.now() + seconds * 1000
const { runs, findings } = fuzz(seed, (count) => count % 1000 === 0 && performance.now() > end)
const memory = Math.round(process.memoryUsage().rss / 1e6)
process.stdout.write(
  `seed ${seed}: ${runs} inputs in ${seconds} s, ${findings.length} findings, ${memory} MB resident\n`,
)
for (const finding of findings) process.stdout.write(`${finding}\n`)
process.exitCode = findings.length === 0 ? 0 : 1
