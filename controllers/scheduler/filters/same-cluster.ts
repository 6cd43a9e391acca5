import type { Filter } from '../candidate.ts'

/** A machine runs in the cluster that it names. */
export const sameCluster: Filter = ({ cluster }, { host }) =>
  host.spec.hostCluster.name === cluster.metadata.name
    ? undefined
    : { one: 'is in another cluster', many: 'are in another cluster' }
