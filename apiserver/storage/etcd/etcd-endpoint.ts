import type { IDuplexStream, IOptions, IWatchRequest, IWatchResponse } from 'etcd3'
import { Etcd3 } from 'etcd3'

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

/** The raw watch RPC: requests in, responses out. `pause` holds back the server through flow control. */
export interface WatchStream extends IDuplexStream<IWatchRequest, IWatchResponse> {
  pause(): void
  resume(): void
}

type Policy = NonNullable<NonNullable<IOptions['faultHandling']>['global']>

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

/** The client of one etcd member: one call, one attempt, on this member. */
export class EtcdEndpoint extends Etcd3 {
  readonly url: string
  readonly #suspicions = new Set<() => void>()

  constructor(url: string, access: EtcdAccess) {
    super({
      hosts: url,
      grpcOptions: channelOptions,
      faultHandling: { host: () => handThrough, global: handThrough },
      ...(access.auth ? { auth: access.auth } : {}),
      ...(access.tls && url.startsWith('https:') ? { credentials: toCredentials(access.tls) } : {}),
    })
    this.url = url
  }

  /**
   * Opens a watch stream that etcd ends when the member loses its leader. `attach` is called with the stream before
   * it can emit anything.
   */
  async openWatch(attach: (stream: WatchStream) => void): Promise<void> {
    await this.pool.withConnection('Watch', ({ client, metadata }) => {
      const withLeader = metadata.clone()
      withLeader.set('hasleader', 'true')
      // The library generates this method from the protocol file; its types do not show it.
      const rpc = client as unknown as { watch(metadata: unknown): WatchStream }
      attach(rpc.watch(withLeader))
    })
  }

  /** Calls `react` when a call to this member was found to hang; the result unsubscribes. */
  onSuspicion(react: () => void): () => void {
    this.#suspicions.add(react)
    return () => void this.#suspicions.delete(react)
  }

  suspect(): void {
    for (const react of this.#suspicions) react()
  }
}

function toCredentials(tls: EtcdTls): NonNullable<IOptions['credentials']> {
  return {
    rootCertificate: tls.ca,
    ...(tls.key ? { privateKey: tls.key } : {}),
    ...(tls.certificate ? { certChain: tls.certificate } : {}),
  }
}
