import type { Clock } from '../apimachinery/clock.ts'
import type { Api } from './api.ts'
import type { Discovery } from './discovery.ts'

/** What every command works with; tests pass their own. */
export interface CommandContext {
  readonly api: Api
  readonly clock: Clock
  /** Of `--namespace`, else of the kubeconfig's context, else `default`. */
  readonly namespace: string
  /** Whether `--namespace` was written: then objects of files that name another namespace are refused. */
  readonly namespaceGiven: boolean
  /** URL of the server, for messages. */
  readonly server: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly signal: AbortSignal
  /** Asked for once, when a command first needs it; `fresh` asks again. */
  discovery(fresh?: boolean): Promise<Discovery>
  /** All of standard input. Throws UsageError when there is more than a manifest may have. */
  readInput(): Promise<string>
  /** To standard output, as it is. */
  print(text: string): void
  /** A line to standard error. */
  error(line: string): void
}
