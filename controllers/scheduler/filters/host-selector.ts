import type { Filter } from '../candidate.ts'

/** The host has every label that the machine asks for. */
export const hostSelector: Filter = ({ hostSelector }, { host }) =>
  Object.entries(hostSelector).every(([label, value]) => host.metadata.labels?.[label] === value)
    ? undefined
    : { one: 'lacks a label of the host selector', many: 'lack a label of the host selector' }
