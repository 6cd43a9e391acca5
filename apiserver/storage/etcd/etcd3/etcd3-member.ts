import type { IDuplexStream, IKeyValue, IOptions, IWatchRequest, IWatchResponse } from 'etcd3'
import { Etcd3, EtcdLeaseInvalidError, GRPCDeadlineExceededError, isRecoverableError } from 'etcd3'
import {
  EtcdError,
  type EtcdAccess,
  type EtcdMember,
  type EtcdTls,
  type GuardedResponse,
  type GuardedWrite,
  type KeyValue,
  type MemberCall,
  type RangeRequest,
  type RangeResponse,
  type WatchRequest,
  type WatchResponse,
  type WatchStream,
} from '../etcd-member.ts'

type Policy = NonNullable<NonNullable<IOptions['faultHandling']>['global']>
type RawWatch = IDuplexStream<IWatchRequest, IWatchResponse> & { pause(): void; resume(): void }

/**
 * Hands every call through. The library's own policies repeat transactions whose outcome is unknown, and refuse
 * all calls for five seconds after three failures.
 */
const handThrough = {
  onSuccess: () => ({ dispose() {} }),
  onFailure: () => ({ dispose() {} }),
  execute: async (run: (context: { signal: AbortSignal }) => unknown) =>
    run({ signal: new AbortController().signal }),
} as unknown as Policy

const channelOptions = {
  // The default of 4 MiB is less than one page of large objects.
  'grpc.max_receive_message_length': -1,
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 1000,
  // etcd drops clients that ping more often than every five seconds.
  'grpc.keepalive_time_ms': 6000,
  'grpc.keepalive_timeout_ms': 3000,
  // etcd is a neighbour; a proxy meant for the internet would cut its streams.
  'grpc.enable_http_proxy': 0,
}

/** Goes through the package `etcd3` and grpc-js: three times the processor time of our own client, and 30 MB. */
export function etcd3Member(url: string, access: EtcdAccess): EtcdMember {
  return new Etcd3Member(url, access)
}

/** The library with the watch call that its types hide. */
class RawEtcd extends Etcd3 {
  async openWatch(attach: (stream: RawWatch) => void): Promise<void> {
    await this.pool.withConnection('Watch', ({ client, metadata }) => {
      const withLeader = metadata.clone()
      withLeader.set('hasleader', 'true')
      const rpc = client as unknown as { watch(metadata: unknown): RawWatch }
      attach(rpc.watch(withLeader))
    })
  }
}

class Etcd3Member implements EtcdMember {
  readonly url: string
  readonly #etcd: RawEtcd

  constructor(url: string, access: EtcdAccess) {
    this.url = url
    this.#etcd = new RawEtcd({
      hosts: url,
      grpcOptions: channelOptions,
      faultHandling: { host: () => handThrough, global: handThrough },
      ...(access.auth ? { auth: access.auth } : {}),
      ...(access.tls && url.startsWith('https:') ? { credentials: toCredentials(access.tls) } : {}),
    })
  }

  async range(request: RangeRequest, call: MemberCall): Promise<RangeResponse> {
    const { key, end, limit = 0, revision = 0, keysOnly = false, countOnly = false } = request
    const range = {
      key,
      limit,
      revision,
      keys_only: keysOnly,
      count_only: countOnly,
      ...(end && { range_end: end }),
    }
    const { header, kvs, count } = await translated(this.#etcd.kv.range(range, call))
    return { revision: Number(header.revision), items: kvs.map(toKeyValue), count: Number(count) }
  }

  async write({ key, expectedRevision, put }: GuardedWrite, call: MemberCall): Promise<GuardedResponse> {
    const value = put && { value: put.value, ...(put.lease !== undefined && { lease: put.lease }) }
    const request = {
      compare: [{ key, target: 'Mod' as const, result: 'Equal' as const, mod_revision: expectedRevision }],
      success: [value ? { request_put: { key, ...value } } : { request_delete_range: { key } }],
      failure: [{ request_range: { key } }],
    }
    const { header, succeeded, responses } = await translated(this.#etcd.kv.txn(request, call))
    const current = succeeded ? undefined : responses[0]?.response_range.kvs[0]
    return { succeeded, revision: Number(header.revision), current: current && toKeyValue(current) }
  }

  async compact(revision: number, call: MemberCall): Promise<void> {
    await translated(this.#etcd.kv.compact({ revision }, call))
  }

  async grantLease(ttlSeconds: number, call: MemberCall): Promise<string> {
    const { ID } = await translated(this.#etcd.leaseClient.leaseGrant({ TTL: ttlSeconds }, call))
    return ID
  }

  async version(call: MemberCall): Promise<string> {
    const { version } = await translated(this.#etcd.maintenance.status(call))
    return version
  }

  /** The library's own watcher loses events when it is cut while it catches up: this is the raw call. */
  async watch(request: WatchRequest, attach: (stream: WatchStream) => void): Promise<void> {
    const { key, end, startRevision } = request
    await this.#etcd.openWatch((raw) => {
      attach(new Watch(raw))
      raw.write({
        create_request: {
          key,
          range_end: end,
          start_revision: startRevision,
          progress_notify: true,
          fragment: true,
        },
      })
    })
  }

  close(): void {
    this.#etcd.close()
  }
}

/** The library's watch with its responses in our words. */
class Watch implements WatchStream {
  readonly #raw: RawWatch

  constructor(raw: RawWatch) {
    this.#raw = raw
  }

  on(event: 'data', take: (response: WatchResponse) => void): this
  on(event: 'error', take: (error: Error) => void): this
  on(event: 'end', take: () => void): this
  on(event: 'data' | 'error' | 'end', take: (item: never) => void): this {
    if (event === 'data') {
      const give = take as (response: WatchResponse) => void
      this.#raw.on('data', (response) => give(toWatchResponse(response)))
    } else if (event === 'error') {
      const give = take as (error: Error) => void
      this.#raw.on('error', (error) => give(toEtcdError(error)))
    } else this.#raw.on('end', take as () => void)
    return this
  }

  pause(): void {
    this.#raw.pause()
  }

  resume(): void {
    this.#raw.resume()
  }

  cancel(): void {
    this.#raw.cancel()
  }
}

async function translated<T>(call: Promise<T>): Promise<T> {
  try {
    return await call
  } catch (error) {
    throw toEtcdError(error)
  }
}

function toEtcdError(error: unknown): EtcdError {
  const message = error instanceof Error ? error.message : String(error)
  if (error instanceof EtcdLeaseInvalidError) return new EtcdError('lease-gone', message, error)
  if (error instanceof GRPCDeadlineExceededError) return new EtcdError('deadline', message, error)
  const isTransient = error instanceof Error && isRecoverableError(error)
  return new EtcdError(isTransient ? 'transient' : 'refused', message, error)
}

function toKeyValue(kv: IKeyValue): KeyValue {
  const { key, value, create_revision: created, mod_revision: modified } = kv
  return { key, value, createRevision: Number(created), modRevision: Number(modified) }
}

function toWatchResponse(response: IWatchResponse): WatchResponse {
  const { created, canceled, fragment, header, events } = response
  return {
    created,
    canceled,
    cancelReason: response.cancel_reason,
    compactRevision: Number(response.compact_revision),
    fragment,
    revision: Number(header.revision),
    events: events.map(({ type, kv }) => ({ isDeletion: type === 'Delete', item: toKeyValue(kv) })),
  }
}

function toCredentials(tls: EtcdTls): NonNullable<IOptions['credentials']> {
  return {
    rootCertificate: tls.ca,
    ...(tls.key ? { privateKey: tls.key } : {}),
    ...(tls.certificate ? { certChain: tls.certificate } : {}),
  }
}
