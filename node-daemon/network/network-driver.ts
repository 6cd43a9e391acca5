/**
 * The port to the networks of this host. Every call may be repeated. Failures are `HypervisorError`s, for the real
 * implementation is libvirt's network driver.
 */
export interface NetworkDriver {
  /**
   * Brings the network up, or changes it where that is possible without cutting machines off, and says which bridge
   * machines plug into. A network of the same name that is not ours is a `conflict`.
   */
  ensureNetwork(spec: NetworkSpecOnHost, signal?: AbortSignal): Promise<{ readonly bridge: string }>

  /** On a NAT network. Makes DHCP hand `ipAddress` to `macAddress`; replaces what either had before. */
  ensureDhcpHost(network: string, host: DhcpHost, signal?: AbortSignal): Promise<void>

  removeDhcpHost(network: string, macAddress: string, signal?: AbortSignal): Promise<void>

  /** Takes the network down and forgets it; nothing happens when it is gone already or not ours. */
  removeNetwork(name: string, signal?: AbortSignal): Promise<void>

  /** Names of the NAT networks here that are ours; a `bridge` network leaves no trace on the host. */
  listNetworks(signal?: AbortSignal): Promise<readonly string[]>
}

export type NetworkSpecOnHost =
  | { readonly type: 'bridge'; readonly name: string; readonly bridge: string }
  | {
      readonly type: 'nat'
      readonly name: string
      readonly cidr: string
      readonly gateway: string
      readonly dhcpStart: string
      readonly dhcpEnd: string
      readonly dns: readonly string[]
      readonly mtu?: number
    }

export interface DhcpHost {
  readonly macAddress: string
  readonly ipAddress: string
  readonly name: string
}
