import type { Filter } from '../candidate.ts'

/** Every network of the machine is up there. */
export const networkAttached: Filter = ({ networks }, { host }) => {
  const usable = new Set(host.status?.networks?.flatMap(({ name, ready }) => (ready ? [name] : [])))
  return networks.isSubsetOf(usable)
    ? undefined
    : { one: 'cannot use a network of the machine', many: 'cannot use a network of the machine' }
}
