import { promisable, type Weight } from '../candidate.ts'

/** Spread prefers the host that has most memory left in proportion, Pack the one that has least and still fits. */
export const freeMemory: Weight = (request, candidate) => {
  const total = promisable(request, candidate).memoryBytes
  const free = total - candidate.promised.memoryBytes - request.demand.memoryBytes
  const share = total === 0 ? 0 : Math.max(0, free / total)
  return request.cluster.spec.scheduling.policy === 'Spread' ? share : 1 - share
}
