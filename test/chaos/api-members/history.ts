import { createHash } from 'node:crypto'

/** One change of one object, as a watcher or etcd itself tells it. */
export interface Change {
  readonly revision: number
  readonly key: string
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'
  /** What the writer put in; of a deleted object its last. */
  readonly token: string
}

/** A short stand-in for a change, so that hundreds of watchers can remember all they saw. */
export function digest({ key, type, token }: Change): number {
  return createHash('sha1').update(`${type} ${key} ${token}`).digest().readUInt32LE(0)
}

/** What one watcher was told, in the order it was told. */
export class Seen {
  readonly revisions: number[] = []
  readonly digests: number[] = []

  add(change: Change): void {
    this.revisions.push(change.revision)
    this.digests.push(digest(change))
  }
}

export type Intent = 'create' | 'update' | 'delete'

/** One request to write. Every attempt has a token of its own, so that its traces can be told apart. */
export interface Attempt {
  readonly key: string
  readonly intent: Intent
  readonly token: string
  /** The version that the write rests on; 0 for a creation. */
  readonly base: number
  /** `unknown`: no answer, or one that leaves it open. */
  outcome: 'acknowledged' | 'refused' | 'unknown'
  /** As the answer told it; undefined for deletions, whose answers do not tell. */
  revision?: number | undefined
}
