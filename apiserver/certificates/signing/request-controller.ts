import type { Clock } from '../../../apimachinery/clock.ts'
import type { Logger } from '../../../apimachinery/log.ts'
import type { Authorizer } from '../../authorization/authorizer.ts'
import { GoneError, removeStored } from '../../lifecycle/remove-stored.ts'
import { certificateSigningRequests as requests } from '../../registry/builtin/certificates.ts'
import { follow } from '../../registry/follow.ts'
import { KeyQueue } from '../../registry/key-queue.ts'
import type { KubeObject } from '../../registry/kube-object.ts'
import type { ObjectStore } from '../../registry/object-store.ts'
import type { ResourceMap } from '../../registry/resource-map.ts'
import { backdateMs, signCertificate, type KeyPair } from '../authority.ts'
import { hostBook } from './host-book.ts'
import { automaticVerdict, type ApprovalDeps } from './request-approval.ts'
import { requestState, withCertificate, withCondition, type RequestState } from './request-state.ts'
import { isSelfSigned, parseSigningRequest } from './signing-request.ts'
import { isOwnSigner, signerProblem } from './signers.ts'
import { uselessSince } from './useless-since.ts'

export interface SigningOptions {
  /** The authority to sign with, asked for every certificate; without one they are signed elsewhere. */
  readonly authority: () => Promise<KeyPair | undefined>
  /** The longest that a certificate is valid, and how long it is when nothing shorter was asked for. */
  readonly maxValidMs: number
  readonly backdateMs?: number
  /** Names and addresses of the API server, which no host may be given. */
  readonly reservedNames: readonly string[]
}

export interface RequestControllerDeps {
  readonly objects: ObjectStore
  readonly resources: ResourceMap
  readonly authorizer: Authorizer
  readonly clock: Clock
  readonly log: Logger
  /** Ends the work. */
  readonly signal: AbortSignal
}

const cleanEveryMs = 60 * 60 * 1000

/**
 * Approves what hosts may ask for by themselves, signs what is approved, and removes requests that have served. Every
 * API server does; writes compare the version, so that each request is answered once.
 */
export class RequestController {
  readonly #options: SigningOptions
  readonly #deps: RequestControllerDeps
  readonly #approval: ApprovalDeps
  readonly #queue: KeyQueue

  constructor(options: SigningOptions, deps: RequestControllerDeps) {
    this.#options = options
    this.#deps = deps
    this.#approval = { ...deps, hosts: hostBook({ ...deps, reserved: options.reservedNames }) }
    const work = (key: string) => this.#reconcile(key)
    this.#queue = new KeyQueue({ ...deps, name: 'certificate signing', concurrency: 4, work })
  }

  /** Resolves when every request that is stored is known. */
  async start(): Promise<void> {
    const { objects, signal } = this.#deps
    await follow(objects, requests, signal, {
      onPresent: (items) => {
        for (const { key } of items) this.#queue.add(key)
      },
      onEvents: (events) => {
        for (const { type, item } of events) if (type !== 'DELETED') this.#queue.add(item.key)
      },
    })
    this.#cleanLater()
  }

  #cleanLater(): void {
    const { clock, signal, objects } = this.#deps
    const cancel = clock.after(cleanEveryMs, () => {
      signal.removeEventListener('abort', cancel)
      void objects.cache(requests, signal).then(
        (cache) => {
          for (const { key } of cache.list(requests.stored.prefix)) this.#queue.add(key)
          this.#cleanLater()
        },
        () => {
          // Only the end of the server ends a cache.
        },
      )
    })
    signal.addEventListener('abort', cancel, { once: true })
  }

  async #reconcile(key: string): Promise<void> {
    const { objects, signal, clock } = this.#deps
    const cache = await objects.cache(requests, signal)
    const object = cache.get(key)?.object as KubeObject | undefined
    if (object === undefined || object.metadata.deletionTimestamp !== undefined) return
    const uselessAt = uselessSince(object)
    if (uselessAt <= clock.now()) {
      await removeStored(this.#deps, requests, key, { uid: object.metadata.uid ?? '' })
      return
    }
    try {
      await objects.change(
        requests,
        key,
        async (current) => {
          if (current === undefined || current.metadata.uid !== object.metadata.uid) throw new GoneError()
          return { type: 'write', object: await this.#advanced(current) }
        },
        { dryRun: false, signal },
      )
    } catch (error) {
      if (!(error instanceof GoneError)) throw error
    }
  }

  /** The request one or two steps on; the same when there is nothing to do. */
  async #advanced(request: KubeObject): Promise<KubeObject> {
    const state = requestState(request)
    if (state.denied || state.failed || state.certificate !== '' || !isOwnSigner(state.signer)) return request
    if (state.approved) return await this.#signed(request, state)
    const verdict = await automaticVerdict(state, this.#approval)
    if (verdict === undefined) return request
    const { type, message } = verdict
    this.#deps.log.info('Decided about certificate request', { name: request.metadata.name, type, message })
    const reason = type === 'Approved' ? 'AutoApproved' : 'AutoDenied'
    const decided = withCondition(request, this.#deps.clock, { type, reason, message })
    return type === 'Approved' ? await this.#signed(decided, state) : decided
  }

  async #signed(request: KubeObject, state: RequestState): Promise<KubeObject> {
    const authority = await this.#options.authority()
    if (authority === undefined) return request
    const { clock, log } = this.#deps
    const parsed = await parseValid(state)
    if (typeof parsed === 'string') {
      return withCondition(request, clock, {
        type: 'Failed',
        reason: 'SignerValidationFailure',
        message: parsed,
      })
    }
    const askedMs = (state.expirationSeconds ?? Infinity) * 1000
    const certificate = await signCertificate(clock, authority, {
      ...parsed,
      usages: state.usages,
      validMs: Math.min(askedMs, this.#options.maxValidMs),
      backdateMs: this.#options.backdateMs ?? backdateMs,
    })
    log.info('Signed certificate', { name: request.metadata.name, commonName: parsed.commonName })
    return withCertificate(request, certificate)
  }
}

/** What is to be signed, or why it is not. */
async function parseValid({ pem, signer, usages }: RequestState) {
  let parsed: ReturnType<typeof parseSigningRequest>
  try {
    parsed = parseSigningRequest(pem)
  } catch (error) {
    return (error as Error).message
  }
  if (!(await isSelfSigned(pem))) return 'the request is not signed by the key that it is for'
  return signerProblem(signer, parsed, usages) ?? parsed
}
