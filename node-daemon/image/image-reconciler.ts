import { keyOf } from '../../apimachinery/client/client.ts'
import type { EventRecorder } from '../../apimachinery/client/event-recorder.ts'
import type { Clock } from '../../apimachinery/clock.ts'
import { type NewCondition, setCondition } from '../../apimachinery/conditions.ts'
import type { Logger } from '../../apimachinery/log.ts'
import type { Stored } from '../../crds/meta/object-meta.ts'
import { type Image, ImageReady, type ImageReason } from '../../crds/v1alpha1/image.ts'
import type { StorageLookup } from '../attachment/attachments.ts'
import type { Backoff } from '../loop/backoff.ts'
import type { FreshObjects } from '../objects/fresh-objects.ts'
import { type ImportedImage, StorageDriverError } from '../storage/storage-driver.ts'
import type { UploadDesk } from '../transfer/upload-desk.ts'
import { imageImportOf, imageKey } from './image-import.ts'
import type { SourceOf } from './image-source.ts'
import { ProgressReport } from './progress-report.ts'

/** Stands for the copy in the storage domain: no copy before it, gone only after the copy. */
export const imageFinalizer = 'kvorum.dev/image'

export interface ImageReconcilerDeps {
  readonly hostName: string
  readonly clock: Clock
  readonly log: Logger
  readonly events: EventRecorder
  readonly images: FreshObjects<Image>
  readonly storage: StorageLookup
  readonly sourceOf: SourceOf
  readonly uploads?: Pick<UploadDesk, 'has'>
  readonly backoff: Backoff
}

type ImageStatus = NonNullable<Image['status']>

const domainRecheckMs = 2_000
const uploadRecheckMs = 500

/** Imports the Images that this host was chosen for, and removes them. */
export class ImageReconciler {
  readonly #deps: ImageReconcilerDeps
  readonly #imports = new Map<string, AbortController>()

  constructor(deps: ImageReconcilerDeps) {
    this.#deps = deps
  }

  /** Ends an import whose image is not wanted any more. Call for every change, besides asking for a pass. */
  noteChange(key: string, image: Stored<Image> | undefined): void {
    if (image === undefined || image.metadata.deletionTimestamp !== undefined)
      this.#imports.get(key)?.abort(new Error('the image is not wanted any more'))
  }

  /** One pass; says when to look again. */
  async reconcile(key: string, signal: AbortSignal): Promise<number | undefined> {
    const image = this.#deps.images.get(key)
    if (image === undefined || image.status?.hostName !== this.#deps.hostName) return undefined
    if (image.metadata.deletionTimestamp !== undefined) return this.#remove(image, signal)
    if (image.status.phase === 'Failed') return undefined
    return this.#ensure(image, signal)
  }

  async #remove(image: Stored<Image>, signal: AbortSignal): Promise<number | undefined> {
    if (image.metadata.finalizers?.includes(imageFinalizer) !== true) return undefined
    const driver = this.#deps.storage.driver(image.spec.storageDomain.name)
    if (driver === undefined) return domainRecheckMs
    await driver.removeVolume(imageKey(image), signal)
    await this.#deps.images.dropFinalizer(image, imageFinalizer, signal)
    this.#deps.backoff.reset(image.metadata.uid)
    return undefined
  }

  async #ensure(seen: Stored<Image>, signal: AbortSignal): Promise<number | undefined> {
    const { storage, images, backoff } = this.#deps
    const domain = seen.spec.storageDomain.name
    const driver = storage.driver(domain)
    if (driver === undefined) {
      // A daemon that has just started has not looked at the domain yet.
      if (seen.status?.phase !== 'Ready' && storage.get(domain) !== undefined)
        await this.#say(
          seen,
          'WaitingForHost',
          `Storage domain ${domain} cannot be used on this host`,
          signal,
        )
      return domainRecheckMs
    }
    if (seen.status?.phase === 'Ready' && (await driver.statVolume(imageKey(seen), signal)) !== undefined)
      return undefined
    if (seen.spec.source.upload !== undefined) {
      if (this.#deps.uploads?.has(seen.metadata.uid) !== true) return this.#awaitUpload(seen, signal)
      backoff.reset(seen.metadata.uid)
    }
    const waitMs = backoff.remainingMs(seen.metadata.uid)
    if (waitMs > 0) return waitMs
    const image = await images.addFinalizer(seen, imageFinalizer, signal)
    return this.#import(image, signal)
  }

  async #awaitUpload(image: Stored<Image>, signal: AbortSignal): Promise<number> {
    const message = `Waits for kvorum image upload ${image.metadata.name}`
    // An upload that broke off is what people want to read.
    if (image.status?.phase !== 'Importing') await this.#say(image, 'WaitingForUpload', message, signal)
    return uploadRecheckMs
  }

  async #import(image: Stored<Image>, signal: AbortSignal): Promise<number | undefined> {
    const { storage, images, clock, log, sourceOf, backoff } = this.#deps
    const key = keyOf(image.metadata)
    const importing = new AbortController()
    this.#imports.set(key, importing)
    const progress = new ProgressReport(clock, (percent) => this.#writeProgress(key, percent))
    try {
      // Deleted while we were on our way here.
      this.noteChange(key, images.informer.get(key))
      const current = await this.#say(image, 'Importing', 'The image is being imported', signal)
      const driver = storage.driver(image.spec.storageDomain.name)
      if (driver === undefined) return domainRecheckMs
      const source = imageImportOf(current, sourceOf, (percent) => progress.tell(percent))
      log.info('Importing image', { key })
      const stop = AbortSignal.any([signal, importing.signal])
      const imported = await driver.importImage(imageKey(current), source, stop)
      await progress.end()
      await this.#imported(key, image, imported, signal)
      backoff.reset(image.metadata.uid)
      return undefined
    } catch (error) {
      await progress.end()
      if (importing.signal.aborted && !signal.aborted) return 0
      if (!(error instanceof StorageDriverError)) throw error
      return await this.#failed(images.get(key) ?? image, error, signal)
    } finally {
      this.#imports.delete(key)
    }
  }

  async #imported(
    key: string,
    started: Stored<Image>,
    imported: ImportedImage,
    signal: AbortSignal,
  ): Promise<void> {
    const image = this.#deps.images.get(key) ?? started
    const message = 'The image is in its storage domain'
    const status: ImageStatus = {
      ...image.status,
      phase: 'Ready',
      progress: '100%',
      digest: imported.digest,
      format: imported.sourceFormat,
      virtualSizeBytes: imported.capacityBytes,
      sizeBytes: imported.allocatedBytes,
    }
    await this.#write(image, status, { status: 'True', reason: 'Imported', message }, signal)
    this.#deps.events.normal(image, 'Imported', message)
  }

  /** Final failures are written and left; the others are tried again after a while. */
  async #failed(
    image: Stored<Image>,
    error: StorageDriverError,
    signal: AbortSignal,
  ): Promise<number | undefined> {
    const { events, backoff, log } = this.#deps
    const reason = reasonOf(error)
    const message = sentence(error.message)
    log.warn('Image was not imported', { key: keyOf(image.metadata), error })
    const isFinal = reason === 'ChecksumMismatch' || reason === 'InvalidImage'
    const { progress: _progress, ...status } = { ...image.status }
    const phase = isFinal ? 'Failed' : 'Importing'
    await this.#write(image, { ...status, phase }, { status: 'False', reason, message }, signal)
    events.warning(image, reason, message)
    return isFinal ? undefined : backoff.fail(image.metadata.uid)
  }

  /** A passing state: the condition is not True. */
  #say(
    image: Stored<Image>,
    reason: keyof typeof ImageReason,
    message: string,
    signal: AbortSignal,
  ): Promise<Stored<Image>> {
    const phase = reason === 'Importing' ? 'Importing' : 'Pending'
    // While it is tried again after a failure, the failure is what people want to read.
    const failedBefore = image.status?.phase === 'Importing' && phase === 'Importing'
    if (failedBefore) return Promise.resolve(image)
    return this.#write(image, { ...image.status, phase }, { status: 'False', reason, message }, signal)
  }

  async #writeProgress(key: string, percent: number): Promise<void> {
    const image = this.#deps.images.get(key)
    if (image === undefined) return
    await this.#deps.images.writeStatus(image, { ...image.status, progress: `${percent}%` })
  }

  #write(
    image: Stored<Image>,
    status: ImageStatus,
    condition: Pick<NewCondition, 'status' | 'message'> & { reason: keyof typeof ImageReason },
    signal: AbortSignal,
  ): Promise<Stored<Image>> {
    const { generation } = image.metadata
    const copy = { metadata: image.metadata, status: structuredClone(status) }
    if (generation !== undefined) copy.status.observedGeneration = generation
    setCondition(copy, this.#deps.clock, { type: ImageReady, ...condition })
    return this.#deps.images.writeStatus(image, copy.status, signal)
  }
}

function reasonOf({ code }: StorageDriverError): keyof typeof ImageReason {
  switch (code) {
    case 'checksum-mismatch':
      return 'ChecksumMismatch'
    case 'invalid-image':
      return 'InvalidImage'
    case 'source-unreachable':
      return 'SourceUnreachable'
    case 'too-small':
    case 'no-space':
    case 'not-found':
    case 'unavailable':
    case 'failed':
      return 'ImportFailed'
  }
}

function sentence(message: string): string {
  return message.charAt(0).toUpperCase() + message.slice(1, 1024)
}
