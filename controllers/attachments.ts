import type { Condition } from '../crds/meta/fields.ts'
import { counted, listed } from './sentences.ts'

interface Attachment {
  readonly name: string
  readonly ready: boolean
  readonly message?: string | undefined
}

/** Whether something that hosts attach can be used at all: one host that can is enough. */
export function readinessOf(
  hosts: readonly Attachment[],
  reasons: { readonly usable: string; readonly unusable: string; readonly none: string },
): Pick<Condition, 'status' | 'reason' | 'message'> {
  if (hosts.length === 0) return { status: 'False', reason: reasons.none, message: 'No host has it yet' }
  const ready = hosts.filter((host) => host.ready).length
  const failed = hosts
    .filter((host) => !host.ready)
    .map(({ name, message }) => `${name}: ${message ?? 'not ready'}`)
  const count = `Usable on ${ready} of ${counted(hosts.length, 'host')}`
  const message = failed.length === 0 ? count : `${count} (${failed.join('; ')})`
  return ready > 0
    ? { status: 'True', reason: reasons.usable, message }
    : { status: 'False', reason: reasons.unusable, message }
}

/** `Deletion waits for 2 disks and 1 image`; undefined when nothing is counted. */
export function deletionWaits(counts: Readonly<Record<string, number>>): string | undefined {
  const parts = Object.entries(counts).filter(([, count]) => count > 0)
  if (parts.length === 0) return undefined
  return `Deletion waits for ${listed(parts.map(([noun, count]) => counted(count, noun)))}`
}
