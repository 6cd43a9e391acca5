import { badRequest, StatusError } from '../../apimachinery/status-error.ts'
import type { OpenSource } from '../image/image-source.ts'
import { unreachable } from '../image/unreachable.ts'

/** A client that has an image's bytes. */
export interface Upload {
  readonly totalBytes: number
  /** What tells this file from others of its size. */
  readonly fingerprint: string
  /** Asks for the bytes from `offset` on. Called once. */
  begin(offset: number, signal: AbortSignal): AsyncIterable<Uint8Array>
}

/** Where clients that bring images wait for the import that takes them. One per daemon; keys are uids of Images. */
export class UploadDesk {
  readonly #waiting = new Map<string, Upload>()
  readonly #taken = new Map<string, Upload>()

  /** Answers how to take the offer back, to be called when the client is gone. Throws a Conflict while another client uploads the image. */
  offer(imageUid: string, upload: Upload): () => void {
    if (upload.totalBytes <= 0) throw badRequest('an empty file is no image')
    if (this.#waiting.has(imageUid) || this.#taken.has(imageUid))
      throw new StatusError('Conflict', 'somebody else is uploading this image')
    this.#waiting.set(imageUid, upload)
    return () => {
      for (const offers of [this.#waiting, this.#taken])
        if (offers.get(imageUid) === upload) offers.delete(imageUid)
    }
  }

  /** Whether an import would find a client. */
  has(imageUid: string): boolean {
    return this.#waiting.has(imageUid)
  }

  /** Goes on where an earlier upload of the same file broke off. */
  source(imageUid: string): OpenSource {
    return async (signal, from) => {
      const upload = this.#waiting.get(imageUid)
      if (upload === undefined) throw unreachable('nobody is uploading the image to this host')
      this.#waiting.delete(imageUid)
      this.#taken.set(imageUid, upload)
      const { totalBytes, fingerprint } = upload
      const version = `${totalBytes}:${fingerprint}`
      const offset = from?.version === version && from.offset <= totalBytes ? from.offset : 0
      return { body: upload.begin(offset, signal), totalBytes, offset, version }
    }
  }
}
