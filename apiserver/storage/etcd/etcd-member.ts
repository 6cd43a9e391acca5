/** A key as etcd holds it. */
export interface KeyValue {
  readonly key: Buffer
  /** Empty when only keys were asked for. */
  readonly value: Buffer
  readonly createRevision: number
  readonly modRevision: number
}

export interface RangeRequest {
  readonly key: Buffer
  /** The first key behind the range; left out: just `key`. */
  readonly end?: Buffer
  /** 0: no limit. */
  readonly limit?: number
  /** 0: now, linearizable. */
  readonly revision?: number
  readonly keysOnly?: boolean
  readonly countOnly?: boolean
}

export interface RangeResponse {
  /** The store's revision. */
  readonly revision: number
  readonly items: readonly KeyValue[]
  /** Keys in the whole range, whatever the limit. */
  readonly count: number
}

/** A write that takes place only while the key is at `expectedRevision`; 0: while there is no such key. */
export interface GuardedWrite {
  readonly key: Buffer
  readonly expectedRevision: number
  /** Undefined deletes the key. */
  readonly put: { readonly value: Buffer; readonly lease?: string | undefined } | undefined
}

export interface GuardedResponse {
  readonly succeeded: boolean
  readonly revision: number
  /** What is there instead of what was expected. */
  readonly current: KeyValue | undefined
}

export interface WatchRequest {
  readonly key: Buffer
  readonly end: Buffer
  /** The first revision that is wanted. */
  readonly startRevision: number
}

export interface WatchEvent {
  readonly isDeletion: boolean
  readonly item: KeyValue
}

export interface WatchResponse {
  /** Answers the request itself. */
  readonly created: boolean
  readonly canceled: boolean
  readonly cancelReason: string
  /** The oldest revision that is still held, when that is why the watch was cancelled; else 0. */
  readonly compactRevision: number
  /** More of the same revision follows. */
  readonly fragment: boolean
  readonly revision: number
  readonly events: readonly WatchEvent[]
}

/** Responses of one watch as they come. `pause` holds back the server through flow control. */
export interface WatchStream {
  on(event: 'data', take: (response: WatchResponse) => void): unknown
  on(event: 'error', take: (error: Error) => void): unknown
  on(event: 'end', take: () => void): unknown
  pause(): void
  resume(): void
  cancel(): void
}

export interface MemberCall {
  /** When to give up, in milliseconds since the epoch. */
  readonly deadline: number
}

/**
 * One member of an etcd cluster: one call, one attempt, on this member. Every call throws EtcdErrors, and those of
 * its kind only.
 */
export interface EtcdMember {
  readonly url: string
  range(request: RangeRequest, call: MemberCall): Promise<RangeResponse>
  write(request: GuardedWrite, call: MemberCall): Promise<GuardedResponse>
  compact(revision: number, call: MemberCall): Promise<void>
  /** The id of a new lease. It is opaque: ids exceed 2^53. */
  grantLease(ttlSeconds: number, call: MemberCall): Promise<string>
  /** Of the etcd program: `3.5.18`. */
  version(call: MemberCall): Promise<string>
  /**
   * A watch that etcd ends when the member loses its leader, with fragments and progress notifications. `attach` is
   * called with the stream before it can emit anything.
   */
  watch(request: WatchRequest, attach: (stream: WatchStream) => void): Promise<void>
  close(): void
}

export interface EtcdTls {
  /** PEM of the authority that signed etcd's certificate. */
  readonly ca: Buffer
  /** PEM of the client certificate and its key, where etcd asks for one. */
  readonly certificate?: Buffer
  readonly key?: Buffer
}

export interface EtcdCredentials {
  readonly username: string
  readonly password: string
}

export interface EtcdAccess {
  readonly tls?: EtcdTls | undefined
  readonly auth?: EtcdCredentials | undefined
}

/** Makes the client of one member; nothing is connected before the first call. */
export type ConnectMember = (url: string, access: EtcdAccess) => EtcdMember

/**
 * What a member, or the way to it, said. `transient`: the same call may succeed later or elsewhere, and nobody knows
 * whether this one was carried out; `deadline`: the same, because no answer came in time; `lease-gone`: the lease
 * that a write names is not there.
 */
export class EtcdError extends Error {
  override readonly name = 'EtcdError'
  readonly kind: 'transient' | 'deadline' | 'lease-gone' | 'refused'

  constructor(kind: EtcdError['kind'], message: string, cause?: unknown) {
    super(message, { cause })
    this.kind = kind
  }
}
