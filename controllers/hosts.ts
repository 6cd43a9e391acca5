import { isTrue } from '../apimachinery/conditions.ts'
import type { Stored } from '../crds/meta/object-meta.ts'
import { type Host, HostReady } from '../crds/v1alpha1/host.ts'

export type StorageAttachment = NonNullable<NonNullable<Host['status']>['storageDomains']>[number]
export type NetworkAttachment = NonNullable<NonNullable<Host['status']>['networks']>[number]

/** In the order of their names, so that what is made from them is the same for the same hosts. */
export function byName(hosts: readonly Stored<Host>[]): Stored<Host>[] {
  return hosts.toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))
}

export function storageOn(host: Host, domain: string): StorageAttachment | undefined {
  return host.status?.storageDomains?.find(({ name }) => name === domain)
}

export function networkOn(host: Host, network: string): NetworkAttachment | undefined {
  return host.status?.networks?.find(({ name }) => name === network)
}

/** An attachment as the installation may count on it: what a host that is not ready last said is worth nothing. */
export function usability(
  host: Host,
  attachment: { ready: boolean; message?: string | undefined },
): {
  ready: boolean
  message?: string
} {
  if (!isTrue(host, HostReady)) return { ready: false, message: 'The host is not ready' }
  const { ready, message } = attachment
  return { ready, ...(message !== undefined && { message }) }
}
