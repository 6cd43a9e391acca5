import type { Filter } from '../candidate.ts'

/** An image that came from a file of one host can be had there only: elsewhere the disk would wait for ever. */
export const imageLocality: Filter = ({ imageHosts }, { host }) =>
  imageHosts.size === 0 || (imageHosts.size === 1 && imageHosts.has(host.metadata.name))
    ? undefined
    : { one: 'cannot get the images', many: 'cannot get the images' }
