import type { CommandContext } from '../context.ts'
import { BrokenOff } from './transfer-socket.ts'

export interface RetryDeps {
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>
  /** How often in a row a transfer may break off without an end. */
  readonly maxTries: number
}

const waitMs = 1_000

/** Tries again what broke off, each time from where it got; everything else ends it. */
export async function untilDone(
  context: CommandContext,
  { sleep, maxTries }: RetryDeps,
  attempt: () => Promise<void>,
): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      return await attempt()
    } catch (error) {
      context.signal.throwIfAborted()
      if (!(error instanceof BrokenOff) || tries >= maxTries) throw error
      context.error(`${error.message}; trying again`)
    }
    await sleep(waitMs, context.signal)
  }
}
