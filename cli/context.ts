import type { Clock } from '../apimachinery/clock.ts'
import type { Api } from './api.ts'
import type { Discovery } from './discovery.ts'

/** What every command works with; tests pass their own. */
export interface CommandContext {
  readonly api: Api
  readonly clock: Clock
  /** Of `--namespace`, else of the kubeconfig's context, else `default`. */
  readonly namespace: string
  readonly signal: AbortSignal
  /** Asked for once, when a command first needs it. */
  discovery(): Promise<Discovery>
  /** To standard output, as it is. */
  print(text: string): void
  /** A line to standard error. */
  error(line: string): void
}
