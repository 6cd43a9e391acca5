/** What a run's host serves below the run: two WebSockets and an image. */
export const hostSubresources = ['console', 'screenshot', 'vnc'] as const

/** Subresources of a resource that are connections to the host it is on, and read with `get` alone. */
export function hostSubresourcesOf(resource: {
  readonly group: string
  readonly plural: string
}): readonly string[] {
  const isRun = resource.group === 'kvorum.dev' && resource.plural === 'virtualmachineinstances'
  return isRun ? hostSubresources : []
}
