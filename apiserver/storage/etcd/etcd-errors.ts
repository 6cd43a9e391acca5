import { StorageError } from '../storage.ts'
import { EtcdError } from './etcd-member.ts'

/** etcd tells these apart by text only: several share a gRPC code. */
const meanings: readonly (readonly [text: string, code: StorageError['code']])[] = [
  ['required revision has been compacted', 'compacted'],
  ['required revision is a future revision', 'future-revision'],
  ['request is too large', 'too-large'],
  // The limit of etcd's gRPC server, for requests far over its own.
  ['received message larger than max', 'too-large'],
  ['database space exceeded', 'unavailable'],
]

/** The port's error for one of etcd's, where the port has one; anything else comes back as it is. */
export function toStorageError(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof StorageError) return error
  const meaning = meanings.find(([text]) => error.message.includes(text))
  if (meaning) return new StorageError(meaning[1], `etcd: ${meaning[0]}`, { cause: error })
  if (isTransient(error)) return new StorageError('unavailable', 'etcd does not answer', { cause: error })
  return error
}

/**
 * True when the same call may succeed later or elsewhere: connection lost, deadline passed, no leader. Whether a
 * write that failed like this was carried out is unknown.
 */
export function isTransient(error: unknown): boolean {
  return (
    error instanceof EtcdError &&
    (error.kind === 'transient' || error.kind === 'deadline') &&
    !meanings.some(([text]) => error.message.includes(text))
  )
}
