import { type Filter, promisable } from '../candidate.ts'

export const enoughMemory: Filter = (request, candidate) =>
  candidate.promised.memoryBytes + request.demand.memoryBytes <= promisable(request, candidate).memoryBytes
    ? undefined
    : { one: 'has not enough memory', many: 'have not enough memory' }
