import type { UserInfo } from '../http/exchange.ts'

export const nodesGroup = 'system:nodes'
export const nodeUserPrefix = 'system:node:'

/** Daemons whose certificate has expired; they may ask for a new one and do nothing else. */
export const recoveryGroup = 'system:node-recovery'
export const recoveryUserPrefix = 'system:node-recovery:'

/** The host whose daemon asks; undefined for everybody else. */
export function nodeNameOf(user: UserInfo): string | undefined {
  return nameAfter(nodeUserPrefix, nodesGroup, user)
}

/** The host whose daemon asks with a certificate that has expired. */
export function recoveringNodeOf(user: UserInfo): string | undefined {
  return nameAfter(recoveryUserPrefix, recoveryGroup, user)
}

function nameAfter(prefix: string, group: string, { name, groups }: UserInfo): string | undefined {
  if (!name.startsWith(prefix) || !groups.includes(group)) return undefined
  const node = name.slice(prefix.length)
  return node === '' ? undefined : node
}
