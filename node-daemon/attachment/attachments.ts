import type { StorageDriver } from '../storage/storage-driver.ts'

/** How a storage domain stands on this host. */
export interface StorageAttachment {
  readonly name: string
  readonly ready: boolean
  /** Why not, in a sentence. */
  readonly message?: string
  readonly capacityBytes?: number
  readonly availableBytes?: number
}

/** How a network stands on this host. */
export interface NetworkAttachment {
  readonly name: string
  readonly ready: boolean
  /** Why not, in a sentence. */
  readonly message?: string
  readonly bridge?: string
  readonly mtu?: number
}

/** What can be asked about the storage domains of this host. */
export interface StorageLookup {
  get(name: string): StorageAttachment | undefined
  /** The driver of a domain that is ready. */
  driver(name: string): StorageDriver | undefined
  list(): readonly StorageAttachment[]
}

/** What can be asked about the networks of this host. */
export interface NetworkLookup {
  get(name: string): NetworkAttachment | undefined
  list(): readonly NetworkAttachment[]
}
