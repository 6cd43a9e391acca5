import { digest, type Attempt, type Change, type Seen } from './history.ts'

export interface Evidence {
  /** Everything that happened, from etcd itself, in order. */
  readonly truth: readonly Change[]
  readonly attempts: readonly Attempt[]
  /** Each of them watched from before the first change to after the last. */
  readonly watchers: readonly Seen[]
}

const mostNamed = 20

/** Everything that must not have happened, in words; empty when all is well. */
export function violations({ truth, attempts, watchers }: Evidence): string[] {
  return [...checkWrites(truth, attempts), ...checkWatchers(truth, watchers)].slice(0, mostNamed)
}

function* checkWrites(truth: readonly Change[], attempts: readonly Attempt[]): Generator<string> {
  const written = new Map<string, Change[]>()
  const before = new Map<Change, Change | undefined>()
  const after = new Map<number, Change>()
  const latest = new Map<string, Change>()
  for (const change of truth) {
    const previous = latest.get(change.key)
    before.set(change, previous)
    if (previous) after.set(previous.revision, change)
    latest.set(change.key, change)
    if (change.type === 'DELETED') continue
    const same = written.get(change.token) ?? []
    written.set(change.token, [...same, change])
  }
  for (const attempt of attempts) {
    if (attempt.intent === 'delete') yield* checkDeletion(attempt, after.get(attempt.base))
    else yield* checkWrite(attempt, written.get(attempt.token) ?? [], before)
    written.delete(attempt.token)
  }
  for (const [token, changes] of written) {
    if (token !== '') yield `${changes[0]?.key} was given ${token}, which nobody wrote`
  }
}

function* checkWrite(
  { key, token, base, outcome, revision }: Attempt,
  changes: readonly Change[],
  before: ReadonlyMap<Change, Change | undefined>,
): Generator<string> {
  const [change] = changes
  if (changes.length > 1) yield `${token} of ${key} was written ${changes.length} times`
  if (outcome === 'acknowledged' && !change)
    yield `${token} of ${key} was acknowledged at ${revision} and is lost`
  if (outcome === 'refused' && change)
    yield `${token} of ${key} was refused and is there, at ${change.revision}`
  if (!change) return
  if (outcome === 'acknowledged' && change.revision !== revision) {
    yield `${token} of ${key} was acknowledged at ${revision} and stands at ${change.revision}`
  }
  const previous = before.get(change)
  const rest = previous === undefined || previous.type === 'DELETED' ? 0 : previous.revision
  if (rest !== base) yield `${token} of ${key} was to replace ${base} and replaced ${rest}`
}

function* checkDeletion({ key, base, outcome }: Attempt, next: Change | undefined): Generator<string> {
  // What follows a version may be another writer's deletion of it: there is one writer for each object.
  if (outcome === 'acknowledged' && next?.type !== 'DELETED') {
    yield `the deletion of ${key} at ${base} was acknowledged and is lost`
  }
}

function* checkWatchers(truth: readonly Change[], watchers: readonly Seen[]): Generator<string> {
  const digests = truth.map(digest)
  for (const [number, { revisions, digests: seen }] of watchers.entries()) {
    const wrong = truth.findIndex(
      ({ revision }, index) => revisions[index] !== revision || seen[index] !== digests[index],
    )
    const at = wrong === -1 ? truth.length : wrong
    if (wrong === -1 && revisions.length === truth.length) continue
    const expected = truth[at]
    yield (
      `watcher ${number} was told revision ${revisions[at] ?? 'nothing'} where ` +
      `${expected ? `${expected.type} ${expected.key} at ${expected.revision}` : 'nothing'} happened ` +
      `(after ${at} of ${truth.length} changes)`
    )
  }
}
