import type { Filter } from '../candidate.ts'

/**
 * A disk that is yet to be made from an image on local storage can only be made where the image is: a run placed
 * elsewhere would wait for it for ever.
 */
export const imageLocality: Filter = ({ imageHosts }, { host }) =>
  imageHosts.size === 0 || (imageHosts.size === 1 && imageHosts.has(host.metadata.name))
    ? undefined
    : { one: 'does not hold the images', many: 'do not hold the images' }
