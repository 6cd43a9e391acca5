import { promisable, type Weight } from '../candidate.ts'

/** As `freeMemory`, for CPU threads: decides between hosts that are alike in memory. */
export const freeCpu: Weight = (request, candidate) => {
  const total = promisable(request, candidate).cpus
  const free = total - candidate.promised.cpus - request.demand.cpus
  const share = total === 0 ? 0 : Math.max(0, free / total)
  return request.cluster.spec.scheduling.policy === 'Spread' ? share : 1 - share
}
