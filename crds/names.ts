/*
 * Names of the API that programs need which have no use for its schemas: those take some megabytes of memory.
 */

/** Leases of hosts live here, one per host, named like it. */
export const hostLeaseNamespace = 'kvorum-hosts'

/** The kinds of the API by name, in the order of `kinds`. */
export const kindNames: readonly { readonly plural: string; readonly scope: 'Namespaced' | 'Cluster' }[] = [
  { plural: 'hostclusters', scope: 'Cluster' },
  { plural: 'hosts', scope: 'Cluster' },
  { plural: 'storagedomains', scope: 'Cluster' },
  { plural: 'networks', scope: 'Cluster' },
  { plural: 'images', scope: 'Namespaced' },
  { plural: 'disks', scope: 'Namespaced' },
  { plural: 'virtualmachines', scope: 'Namespaced' },
  { plural: 'virtualmachineinstances', scope: 'Namespaced' },
]
