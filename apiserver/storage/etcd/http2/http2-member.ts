import type { OutgoingHttpHeaders } from 'node:http2'
import { systemClock, type Clock } from '../../../../apimachinery/clock.ts'
import {
  EtcdError,
  type EtcdAccess,
  type EtcdMember,
  type GuardedResponse,
  type GuardedWrite,
  type MemberCall,
  type RangeRequest,
  type RangeResponse,
  type WatchRequest,
  type WatchResponse,
  type WatchStream,
} from '../etcd-member.ts'
import { Channel, type Answers } from './channel.ts'
import {
  authenticateRequest,
  authenticationToken,
  compactRequest,
  emptyRequest,
  guardedResponse,
  guardedWrite,
  leaseId,
  leaseRequest,
  rangeRequest,
  rangeResponse,
  serverVersion,
  watchRequest,
  watchResponse,
} from './messages.ts'

const loginMs = 3000

/** Speaks etcd's gRPC over Node's own HTTP/2, message by message. */
export function http2Member(url: string, access: EtcdAccess, clock: Clock = systemClock): EtcdMember {
  return new Http2Member(url, access, clock)
}

class Http2Member implements EtcdMember {
  readonly url: string
  readonly #channel: Channel
  readonly #access: EtcdAccess
  readonly #clock: Clock
  /** Of the user, who has to log in again when it is no longer valid. */
  #token: Promise<OutgoingHttpHeaders> | undefined

  constructor(url: string, access: EtcdAccess, clock: Clock) {
    this.url = url
    this.#access = access
    this.#clock = clock
    this.#channel = new Channel(url, access.tls, clock)
  }

  async range(request: RangeRequest, call: MemberCall): Promise<RangeResponse> {
    return rangeResponse(await this.#call('/etcdserverpb.KV/Range', rangeRequest(request), call))
  }

  async write(request: GuardedWrite, call: MemberCall): Promise<GuardedResponse> {
    return guardedResponse(await this.#call('/etcdserverpb.KV/Txn', guardedWrite(request), call))
  }

  async compact(revision: number, call: MemberCall): Promise<void> {
    await this.#call('/etcdserverpb.KV/Compact', compactRequest(revision), call)
  }

  async grantLease(ttlSeconds: number, call: MemberCall): Promise<string> {
    return leaseId(await this.#call('/etcdserverpb.Lease/LeaseGrant', leaseRequest(ttlSeconds), call))
  }

  async version(call: MemberCall): Promise<string> {
    return serverVersion(await this.#call('/etcdserverpb.Maintenance/Status', emptyRequest, call))
  }

  async watch(request: WatchRequest, attach: (stream: WatchStream) => void): Promise<void> {
    const headers = { ...(await this.#headers()), hasleader: 'true' }
    const answers = this.#channel.stream('/etcdserverpb.Watch/Watch', watchRequest(request), headers)
    attach(new Watch(answers, () => (this.#token = undefined)))
  }

  close(): void {
    this.#channel.close()
  }

  async #call(path: string, message: Buffer, { deadline }: MemberCall): Promise<Buffer> {
    if (!this.#access.auth) return await this.#channel.call(path, message, { deadline })
    try {
      return await this.#channel.call(path, message, { deadline, headers: await this.#headers() })
    } catch (error) {
      if (!isLoggedOut(error)) throw error
      this.#token = undefined
      return await this.#channel.call(path, message, { deadline, headers: await this.#headers() })
    }
  }

  #headers(): Promise<OutgoingHttpHeaders> {
    if (!this.#access.auth) return Promise.resolve({})
    if (!this.#token) {
      const token = this.#logIn(this.#access.auth)
      this.#token = token
      token.catch(() => {
        if (this.#token === token) this.#token = undefined
      })
    }
    return this.#token
  }

  async #logIn({ username, password }: { username: string; password: string }): Promise<OutgoingHttpHeaders> {
    const request = authenticateRequest(username, password)
    const deadline = this.#clock.now() + loginMs
    const answer = await this.#channel.call('/etcdserverpb.Auth/Authenticate', request, { deadline })
    return { token: authenticationToken(answer) }
  }
}

function isLoggedOut(error: unknown): boolean {
  return error instanceof EtcdError && error.message.includes('invalid auth token')
}

/** A watch's answers, decoded. */
class Watch implements WatchStream {
  readonly #answers: Answers
  readonly #onLoggedOut: () => void

  constructor(answers: Answers, onLoggedOut: () => void) {
    this.#answers = answers
    this.#onLoggedOut = onLoggedOut
  }

  on(event: 'data', take: (response: WatchResponse) => void): this
  on(event: 'error', take: (error: Error) => void): this
  on(event: 'end', take: () => void): this
  on(event: 'data' | 'error' | 'end', take: (item: never) => void): this {
    if (event === 'end') this.#answers.listen({ end: take as () => void })
    else if (event === 'error') this.#listenForErrors(take as (error: Error) => void)
    else {
      const give = take as (response: WatchResponse) => void
      this.#answers.listen({ data: (message) => give(this.#decoded(message)) })
    }
    return this
  }

  pause(): void {
    this.#answers.pause()
  }

  resume(): void {
    this.#answers.resume()
  }

  cancel(): void {
    this.#answers.cancel()
  }

  #listenForErrors(take: (error: Error) => void): void {
    this.#answers.listen({
      error: (error) => {
        if (isLoggedOut(error)) this.#onLoggedOut()
        take(error)
      },
    })
  }

  /** etcd refuses a watch with an old token by cancelling it. */
  #decoded(message: Buffer): WatchResponse {
    const response = watchResponse(message)
    if (response.canceled && /auth|permission/i.test(response.cancelReason)) this.#onLoggedOut()
    return response
  }
}
