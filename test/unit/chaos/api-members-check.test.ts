import { expect, test } from 'vitest'
import { violations } from '../../chaos/api-members/check.ts'
import { Seen, type Attempt, type Change } from '../../chaos/api-members/history.ts'

const truth: readonly Change[] = [
  { revision: 3, key: 'a', type: 'ADDED', token: 'a-1' },
  { revision: 4, key: 'b', type: 'ADDED', token: 'b-1' },
  { revision: 5, key: 'a', type: 'MODIFIED', token: 'a-2' },
  { revision: 8, key: 'a', type: 'DELETED', token: 'a-2' },
]

const attempts: readonly Attempt[] = [
  { key: 'a', intent: 'create', token: 'a-1', base: 0, outcome: 'acknowledged', revision: 3 },
  { key: 'b', intent: 'create', token: 'b-1', base: 0, outcome: 'unknown' },
  { key: 'a', intent: 'update', token: 'a-2', base: 3, outcome: 'acknowledged', revision: 5 },
  { key: 'b', intent: 'update', token: 'b-2', base: 4, outcome: 'unknown' },
  { key: 'b', intent: 'update', token: 'b-3', base: 4, outcome: 'refused' },
  { key: 'a', intent: 'delete', token: 'a-3', base: 5, outcome: 'acknowledged' },
]

function seen(changes: readonly Change[]): Seen {
  const watcher = new Seen()
  for (const change of changes) watcher.add(change)
  return watcher
}

function check({ told = truth, tried = attempts, happened = truth } = {}): string {
  return violations({ truth: happened, attempts: tried, watchers: [seen(truth), seen(told)] }).join('\n')
}

function tried(token: string, changed: Partial<Attempt>): Attempt[] {
  return attempts.map((attempt) => (attempt.token === token ? { ...attempt, ...changed } : attempt))
}

test('a run in which all went well, unknown outcomes either way, has no violations', () => {
  expect(check()).toBe('')
})

test.each([
  {
    name: 'an acknowledged write that is nowhere',
    tried: tried('b-2', { outcome: 'acknowledged' }),
    says: 'is lost',
  },
  {
    name: 'an acknowledged write that is elsewhere',
    tried: tried('a-2', { revision: 6 }),
    says: 'acknowledged at 6 and stands at 5',
  },
  {
    name: 'a refused write that is there',
    tried: tried('a-2', { outcome: 'refused' }),
    says: 'was refused and is',
  },
  {
    name: 'a write that overwrote what it had not seen',
    tried: tried('a-2', { base: 2 }),
    says: 'replace 2',
  },
  { name: 'a deletion that is nowhere', tried: tried('a-3', { key: 'b', base: 4 }), says: 'deletion of b' },
  { name: 'a write that nobody asked for', tried: attempts.slice(1), says: 'which nobody wrote' },
  {
    name: 'a write that was carried out twice',
    happened: [...truth, { revision: 9, key: 'b', type: 'MODIFIED', token: 'b-1' } as const],
    says: 'written 2 times',
  },
  { name: 'a lost event', told: truth.filter(({ revision }) => revision !== 4), says: 'watcher 1' },
  { name: 'a lost last event', told: truth.slice(0, -1), says: 'watcher 1 was told revision nothing' },
  { name: 'a repeated event', told: [...truth, ...truth.slice(-1)], says: 'watcher 1' },
  { name: 'events out of order', told: truth.toReversed(), says: 'watcher 1' },
  {
    name: 'an event with other contents',
    told: truth.map((change) => ({ ...change, token: 'a-1' })),
    says: 'watcher 1',
  },
])('$name is noticed', ({ says, ...evidence }) => {
  expect(check(evidence)).toContain(says)
})
