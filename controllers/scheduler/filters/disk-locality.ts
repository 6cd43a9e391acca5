import type { Filter } from '../candidate.ts'

/** A disk on local storage is where it is, and the run goes there. */
export const diskLocality: Filter = ({ diskHosts }, { host }) =>
  isOnly(diskHosts, host.metadata.name)
    ? undefined
    : { one: 'does not hold the disks', many: 'do not hold the disks' }

function isOnly(hosts: ReadonlySet<string>, name: string): boolean {
  return hosts.size === 0 || (hosts.size === 1 && hosts.has(name))
}
