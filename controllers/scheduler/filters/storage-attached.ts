import type { Filter } from '../candidate.ts'

/** Every storage domain of the machine's disks can be used there. */
export const storageAttached: Filter = ({ storageDomains }, { host }) => {
  const usable = new Set(host.status?.storageDomains?.flatMap(({ name, ready }) => (ready ? [name] : [])))
  return storageDomains.isSubsetOf(usable)
    ? undefined
    : {
        one: 'cannot use a storage domain of the machine',
        many: 'cannot use a storage domain of the machine',
      }
}
