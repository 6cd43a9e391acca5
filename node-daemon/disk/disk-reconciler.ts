import { keyOf } from '../../apimachinery/client/client.ts'
import type { EventRecorder } from '../../apimachinery/client/event-recorder.ts'
import type { Clock } from '../../apimachinery/clock.ts'
import { type NewCondition, setCondition } from '../../apimachinery/conditions.ts'
import type { Logger } from '../../apimachinery/log.ts'
import { quantityToBytes } from '../../apimachinery/quantity.ts'
import type { Stored } from '../../crds/meta/object-meta.ts'
import { type Disk, DiskReady, type DiskReason } from '../../crds/v1alpha1/disk.ts'
import type { Image } from '../../crds/v1alpha1/image.ts'
import type { VirtualMachineInstance } from '../../crds/v1alpha1/virtual-machine-instance.ts'
import type { StorageLookup } from '../attachment/attachments.ts'
import { type Hypervisor, HypervisorError } from '../hypervisor/hypervisor.ts'
import type { SourceOf } from '../image/image-source.ts'
import type { Backoff } from '../loop/backoff.ts'
import type { FreshObjects } from '../objects/fresh-objects.ts'
import {
  type StorageDriver,
  StorageDriverError,
  type Volume,
  type VolumeKey,
} from '../storage/storage-driver.ts'
import type { DiskUse } from './disk-use.ts'
import { type ImageForDisk, imageForDisk } from './image-for-disk.ts'

/** Stands for the file in the storage domain: no file before it, gone only after the file. */
export const diskFinalizer = 'kvorum.dev/disk'

export interface DiskReconcilerDeps {
  readonly hostName: string
  readonly clock: Clock
  readonly log: Logger
  readonly events: EventRecorder
  readonly disks: FreshObjects<Disk>
  readonly images: FreshObjects<Image>
  /** The runs of this host that name the disk, by `namespace/name`. */
  readonly runsUsing: (diskKey: string) => readonly Stored<VirtualMachineInstance>[]
  readonly storage: StorageLookup
  readonly sourceOf: SourceOf
  readonly hypervisor: Pick<Hypervisor, 'getDomain' | 'resizeDisk'>
  readonly diskUse: DiskUse
  readonly backoff: Backoff
}

type DiskStatus = NonNullable<Disk['status']>

const domainRecheckMs = 2_000
const imageRecheckMs = 2_000
const inUseRecheckMs = 2_000
const measureEveryMs = 60_000
// Smaller changes of what a disk takes up are not worth a write.
const worthTellingShare = 0.05

/** Makes, grows and removes the Disks that are kept on this host. */
export class DiskReconciler {
  readonly #deps: DiskReconcilerDeps

  constructor(deps: DiskReconcilerDeps) {
    this.#deps = deps
  }

  /** One pass; says when to look again. */
  async reconcile(key: string, signal: AbortSignal): Promise<number | undefined> {
    const seen = this.#deps.disks.get(key)
    if (seen === undefined || seen.status?.hostName !== this.#deps.hostName) return undefined
    if (seen.metadata.deletionTimestamp !== undefined) return this.#remove(key, seen, signal)
    const domain = seen.spec.storageDomain.name
    const driver = this.#deps.storage.driver(domain)
    if (driver === undefined) return this.#noDomain(seen, domain, signal)
    const disk = await this.#deps.disks.addFinalizer(seen, diskFinalizer, signal)
    const waitMs = this.#deps.backoff.remainingMs(disk.metadata.uid)
    if (waitMs > 0) return waitMs
    try {
      return await this.#ensure(disk, driver, signal)
    } catch (error) {
      if (!(error instanceof StorageDriverError)) throw error
      return this.#failed(disk, error, signal)
    }
  }

  async #ensure(disk: Stored<Disk>, driver: StorageDriver, signal: AbortSignal): Promise<number | undefined> {
    const volume = await driver.statVolume(volumeKey(disk), signal)
    if (volume !== undefined) return this.#fit(disk, volume, driver, signal)
    const image = await imageForDisk(disk, this.#deps, signal)
    if (image.type === 'wait') {
      await this.#say(disk, 'Pending', { reason: image.reason, message: image.message }, signal)
      return imageRecheckMs
    }
    const current = await this.#announce(disk, image, signal)
    const made = await this.#create(current, driver, image, signal)
    this.#deps.backoff.reset(disk.metadata.uid)
    return this.#fit(current, made, driver, signal)
  }

  /** Says that the disk is being made where that takes long enough to be read. */
  async #announce(disk: Stored<Disk>, image: ImageForDisk, signal: AbortSignal): Promise<Stored<Disk>> {
    const { provisioning, format } = disk.spec
    const copies = image.type === 'import' || (image.type === 'here' && format === 'raw')
    // While it is tried again after a failure, the failure is what people want to read.
    if (disk.status?.phase === 'Provisioning' || (provisioning === 'Thin' && !copies)) return disk
    const why = { reason: 'Provisioning', message: 'The disk is being made' } as const
    return this.#say(disk, 'Provisioning', why, signal)
  }

  async #create(
    disk: Stored<Disk>,
    driver: StorageDriver,
    image: Exclude<ImageForDisk, { type: 'wait' }>,
    signal: AbortSignal,
  ): Promise<Volume> {
    const { format, provisioning } = disk.spec
    const key = image.type === 'none' ? undefined : image.key
    if (image.type === 'import') await driver.importImage(image.key, image.source, signal)
    const made = await driver.createDisk(
      volumeKey(disk),
      { format, capacityBytes: wantedBytes(disk), preallocate: provisioning === 'Preallocated', image: key },
      signal,
    )
    // The image's own host keeps it for as long as the Image exists; this copy lives with the disks over it.
    if (image.type === 'import') await driver.removeVolume(image.key, signal)
    return made
  }

  async #fit(
    disk: Stored<Disk>,
    volume: Volume,
    driver: StorageDriver,
    signal: AbortSignal,
  ): Promise<number | undefined> {
    const wanted = wantedBytes(disk) ?? 0
    if (volume.capacityBytes >= wanted) return this.#ready(disk, volume, signal)
    const grown = await this.#grow(disk, volume, driver, signal)
    if (grown !== undefined) return this.#ready(disk, grown, signal)
    return inUseRecheckMs
  }

  /** Undefined while a machine that uses the disk is between stopped and running. */
  async #grow(
    disk: Stored<Disk>,
    volume: Volume,
    driver: StorageDriver,
    signal: AbortSignal,
  ): Promise<Volume | undefined> {
    const bytes = wantedBytes(disk) ?? volume.capacityBytes
    const user = this.#users(keyOf(disk.metadata))[0]
    if (user === undefined) return driver.growDisk(volumeKey(disk), bytes, signal)
    const { uuid } = user.spec
    const domain = await this.#deps.hypervisor.getDomain(uuid, signal)
    if (domain?.owner?.uid !== user.metadata.uid || (domain.state !== 'running' && domain.state !== 'paused'))
      return undefined
    try {
      await this.#deps.hypervisor.resizeDisk(uuid, volume.path, bytes, signal)
    } catch (error) {
      if (!(error instanceof HypervisorError) || error.code === 'unavailable') throw error
      throw new StorageDriverError('failed', 'the running machine did not take the new size', {
        cause: error,
      })
    }
    return { ...volume, capacityBytes: bytes }
  }

  async #ready(disk: Stored<Disk>, volume: Volume, signal: AbortSignal): Promise<number> {
    const { status = {} } = disk
    const { path, capacityBytes } = volume
    const told = status.allocatedBytes
    const small = capacityBytes * worthTellingShare
    const keep = told !== undefined && Math.abs(told - volume.allocatedBytes) < small
    const allocatedBytes = keep ? told : volume.allocatedBytes
    const next: DiskStatus = { ...status, phase: 'Ready', path, capacityBytes, allocatedBytes }
    const message = 'The disk is ready'
    await this.#write(disk, next, { status: 'True', reason: 'Provisioned', message }, signal)
    if (status.phase !== 'Ready') this.#deps.events.normal(disk, 'Provisioned', message)
    return measureEveryMs
  }

  /** Nothing is said about a domain that this daemon has not looked at yet: it may just have started. */
  async #noDomain(disk: Stored<Disk>, domain: string, signal: AbortSignal): Promise<number> {
    if (this.#deps.storage.get(domain) === undefined) return domainRecheckMs
    const message = `Storage domain ${domain} cannot be used on this host`
    const why = { reason: 'StorageDomainNotReady', message } as const
    await this.#say(disk, disk.status?.phase ?? 'Pending', why, signal)
    return domainRecheckMs
  }

  async #failed(
    seen: Stored<Disk>,
    error: StorageDriverError,
    signal: AbortSignal,
  ): Promise<number | undefined> {
    const { events, backoff, log, disks } = this.#deps
    const disk = disks.get(keyOf(seen.metadata)) ?? seen
    log.warn('Disk was not made', { key: keyOf(disk.metadata), error })
    const tooSmall = error.code === 'too-small'
    const reason = tooSmall ? 'SizeTooSmall' : 'ProvisionFailed'
    const message = error.message.charAt(0).toUpperCase() + error.message.slice(1, 1024)
    const wasReady = disk.status?.path !== undefined
    // A disk that could only not grow still serves.
    if (!wasReady) await this.#say(disk, tooSmall ? 'Failed' : 'Provisioning', { reason, message }, signal)
    events.warning(disk, reason, message)
    const waitMs = backoff.fail(disk.metadata.uid)
    if (!tooSmall) return waitMs
    // Only a larger size helps, and that is a change of the object.
    backoff.reset(disk.metadata.uid)
    return undefined
  }

  async #remove(key: string, disk: Stored<Disk>, signal: AbortSignal): Promise<number | undefined> {
    const { diskUse, storage, disks, backoff, log } = this.#deps
    if (disk.metadata.finalizers?.includes(diskFinalizer) !== true) return undefined
    if (this.#users(key).length > 0 || !diskUse.beginRemoval(key)) return inUseRecheckMs
    try {
      const driver = storage.driver(disk.spec.storageDomain.name)
      if (driver === undefined) return domainRecheckMs
      log.info('Removing disk', { key })
      if (disk.spec.wipeAfterDelete === true) await driver.wipeDisk(volumeKey(disk), signal)
      await driver.removeVolume(volumeKey(disk), signal)
      await disks.dropFinalizer(disk, diskFinalizer, signal)
      backoff.reset(disk.metadata.uid)
      return undefined
    } finally {
      diskUse.endRemoval(key)
    }
  }

  /** Runs that may have the disk open. */
  #users(key: string): readonly Stored<VirtualMachineInstance>[] {
    return this.#deps.runsUsing(key).filter(({ status }) => {
      const { phase = 'Pending' } = status ?? {}
      return !['Pending', 'Scheduled', 'Succeeded', 'Failed'].includes(phase)
    })
  }

  #say(
    disk: Stored<Disk>,
    phase: NonNullable<DiskStatus['phase']>,
    why: { readonly reason: keyof typeof DiskReason; readonly message: string },
    signal: AbortSignal,
  ): Promise<Stored<Disk>> {
    return this.#write(disk, { ...disk.status, phase }, { status: 'False', ...why }, signal)
  }

  #write(
    disk: Stored<Disk>,
    status: DiskStatus,
    condition: Pick<NewCondition, 'status' | 'message'> & { reason: keyof typeof DiskReason },
    signal: AbortSignal,
  ): Promise<Stored<Disk>> {
    const { generation } = disk.metadata
    const copy = { metadata: disk.metadata, status: structuredClone(status) }
    if (generation !== undefined) copy.status.observedGeneration = generation
    setCondition(copy, this.#deps.clock, { type: DiskReady, ...condition })
    return this.#deps.disks.writeStatus(disk, copy.status, signal)
  }
}

function volumeKey({ metadata }: Stored<Disk>): VolumeKey {
  return { kind: 'disk', uid: metadata.uid }
}

function wantedBytes({ spec }: Stored<Disk>): number | undefined {
  return spec.size === undefined ? undefined : Number(quantityToBytes(String(spec.size)))
}
