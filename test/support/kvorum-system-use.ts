import { afterAll, beforeAll, beforeEach } from 'vitest'
import { type KvorumSystem, type KvorumSystemOptions, startKvorum } from './kvorum-system.ts'

/** One system for all tests of a file; when one fails, what the system has to say is printed. */
export function useKvorum(started: (system: KvorumSystem) => void, options?: KvorumSystemOptions): void {
  let system: KvorumSystem | undefined
  beforeAll(async () => {
    system = await startKvorum(options)
    started(system)
  })
  afterAll(async () => {
    await system?.stop()
  })
  beforeEach(({ onTestFailed, task }) => {
    onTestFailed(async () => {
      process.stderr.write(`=== ${task.name}\n${(await system?.diagnosis()) ?? ''}\n`)
    })
  })
}
