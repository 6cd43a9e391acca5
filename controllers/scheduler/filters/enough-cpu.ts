import { type Filter, promisable } from '../candidate.ts'

export const enoughCpu: Filter = (request, candidate) =>
  candidate.promised.cpus + request.demand.cpus <= promisable(request, candidate).cpus
    ? undefined
    : { one: 'has not enough CPU', many: 'have not enough CPU' }
