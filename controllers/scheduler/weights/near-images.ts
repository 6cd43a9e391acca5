import type { Weight } from '../candidate.ts'

/** A host that holds the image of a disk starts the machine sooner than one that has to fetch it. */
export const nearImages: Weight = ({ nearImages: near }, { host }) => (near.has(host.metadata.name) ? 1 : 0)
