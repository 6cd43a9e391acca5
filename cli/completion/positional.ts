import type { Command } from 'commander'

/** What the arguments of a command are names of. */
export type PositionalKind = 'targets' | 'types' | 'machines' | 'serviceaccounts' | 'contexts' | 'nothing'

const kinds: Readonly<Record<string, PositionalKind>> = {
  get: 'targets',
  describe: 'targets',
  delete: 'targets',
  edit: 'targets',
  label: 'targets',
  annotate: 'targets',
  patch: 'targets',
  scale: 'targets',
  wait: 'targets',
  explain: 'types',
  console: 'machines',
  vnc: 'machines',
  screenshot: 'machines',
  logs: 'machines',
  token: 'serviceaccounts',
  'use-context': 'contexts',
  'get-contexts': 'contexts',
  'set-context': 'contexts',
}

const onlyOne = new Set([
  'explain',
  'console',
  'vnc',
  'screenshot',
  'token',
  'use-context',
  'set-context',
  'logs',
])

/** What the argument is that comes after `before` others. */
export function positionalKind(command: Command, before: number): PositionalKind {
  const name = command.name()
  if (name === 'can-i') return before === 1 ? 'types' : 'nothing'
  if (before > 0 && onlyOne.has(name)) return 'nothing'
  return Object.hasOwn(kinds, name) ? (kinds[name] ?? 'nothing') : 'nothing'
}
