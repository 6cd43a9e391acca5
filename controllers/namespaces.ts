import { BackOff } from '../apimachinery/client/back-off.ts'
import type { Client } from '../apimachinery/client/client.ts'
import { namespaces } from '../apimachinery/client/resources.ts'
import { type Clock, sleep } from '../apimachinery/clock.ts'
import type { Logger } from '../apimachinery/log.ts'
import { hasReason } from '../apimachinery/status-error.ts'

/**
 * Makes sure that the namespaces are there which Kvorum's own Leases live in; waits for an API server that does not
 * answer yet. Without the right to make them they are the operator's to make.
 */
export async function ensureNamespaces(
  names: readonly string[],
  { client, clock, log }: { readonly client: Client; readonly clock: Clock; readonly log: Logger },
  signal: AbortSignal,
): Promise<void> {
  const backOff = new BackOff({ firstMs: 100, maxMs: 2_000, random: Math.random })
  for (const name of names) {
    while (!(await ensure(name))) await sleep(clock, backOff.next(), signal)
  }

  async function ensure(name: string): Promise<boolean> {
    try {
      await client.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } }, { signal })
      log.info('Created namespace', { namespace: name })
      return true
    } catch (error) {
      if (hasReason(error, 'AlreadyExists', 'Forbidden')) return true
      if (signal.aborted) throw error
      log.warn('Namespace cannot be made yet', { namespace: name, error })
      return false
    }
  }
}
