import type { ObjectCache } from '../../apimachinery/client/informer.ts'
import type { Logger } from '../../apimachinery/log.ts'
import type { Stored } from '../../crds/meta/object-meta.ts'
import type { StorageDomain } from '../../crds/v1alpha1/storage-domain.ts'
import { type DomainUsage, type StorageDriver, StorageDriverError } from '../storage/storage-driver.ts'
import type { StorageAttachment, StorageLookup } from './attachments.ts'

export interface StorageAttachmentsDeps {
  readonly domains: ObjectCache<StorageDomain>
  /** A driver for the domain on this host. Called once per domain. */
  readonly driverOf: (domain: Stored<StorageDomain>) => StorageDriver
  readonly log: Logger
  /** Called when something about a domain has changed. */
  readonly onChange: (name: string) => void
}

const measureEveryMs = 30_000
const retryMs = 5_000
// Smaller changes of the free space are not worth a write.
const worthTellingShare = 0.01

interface Attached {
  readonly uid: string
  readonly driver: StorageDriver
  readonly attachment: StorageAttachment
}

/** Attaches every storage domain to this host and keeps measuring it. */
export class StorageAttachments implements StorageLookup {
  readonly #deps: StorageAttachmentsDeps
  readonly #attached = new Map<string, Attached>()

  constructor(deps: StorageAttachmentsDeps) {
    this.#deps = deps
  }

  get(name: string): StorageAttachment | undefined {
    return this.#attached.get(name)?.attachment
  }

  driver(name: string): StorageDriver | undefined {
    const attached = this.#attached.get(name)
    return attached?.attachment.ready === true ? attached.driver : undefined
  }

  list(): readonly StorageAttachment[] {
    return [...this.#attached.values()].map(({ attachment }) => attachment)
  }

  /** One look at the domain; says when to look again. */
  async reconcile(name: string, signal: AbortSignal): Promise<number | undefined> {
    const domain = this.#deps.domains.get(name)
    if (domain === undefined) {
      if (this.#attached.delete(name)) this.#deps.onChange(name)
      return undefined
    }
    const { uid } = domain.metadata
    const before = this.#attached.get(name)
    const same = before?.uid === uid ? before : undefined
    const driver = same?.driver ?? this.#deps.driverOf(domain)
    const attachment = await this.#attach(name, driver, same?.attachment, signal)
    this.#attached.set(name, { uid, driver, attachment })
    if (JSON.stringify(before?.attachment) !== JSON.stringify(attachment)) this.#deps.onChange(name)
    return attachment.ready ? measureEveryMs : retryMs
  }

  async #attach(
    name: string,
    driver: StorageDriver,
    before: StorageAttachment | undefined,
    signal: AbortSignal,
  ): Promise<StorageAttachment> {
    try {
      return { name, ready: true, ...steady(await driver.attach(signal), before) }
    } catch (error) {
      if (!(error instanceof StorageDriverError)) throw error
      this.#deps.log.warn('Storage domain cannot be attached', { name, error })
      return { name, ready: false, message: error.message.slice(0, 1024) }
    }
  }
}

function steady(now: DomainUsage, before: StorageAttachment | undefined): DomainUsage {
  const told = before?.availableBytes
  const small = now.capacityBytes * worthTellingShare
  const keep = told !== undefined && Math.abs(now.availableBytes - told) < small
  return { capacityBytes: now.capacityBytes, availableBytes: keep ? told : now.availableBytes }
}
