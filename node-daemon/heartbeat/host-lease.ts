import type { Client } from '../../apimachinery/client/client.ts'
import { type Lease, leases, namespaces } from '../../apimachinery/client/resources.ts'
import { type Clock, microTimestamp, sleep } from '../../apimachinery/clock.ts'
import type { Logger } from '../../apimachinery/log.ts'
import { isAlreadyExists, isConflict, isNotFound } from '../../apimachinery/status-error.ts'
import type { Stored } from '../../crds/meta/object-meta.ts'
import { hostLeaseNamespace } from '../../crds/v1alpha1/host.ts'
import type { DaemonMetrics } from '../daemon-metrics.ts'

export interface HostLeaseOptions {
  readonly client: Client
  readonly clock: Clock
  readonly log: Logger
  readonly hostName: string
  /** Tells this installation of the daemon from another one that goes by the same host name. */
  readonly identity: string
  readonly metrics?: DaemonMetrics | undefined
}

const durationSeconds = 4
const renewEveryMs = 1_000
// A request that takes longer is given up: the next one may be quicker.
const requestTimeoutMs = 2_000
// The lease counts as lost before anybody else can take it for lost: pauses and clocks are not exact.
const marginMs = 1_000
const fieldManager = 'kvorum-node-daemon'

/** Another daemon goes by the same host name and is alive. Running both would run machines twice. */
export class HostNameTakenError extends Error {
  override readonly name = 'HostNameTakenError'
}

/** Renews `Lease` `kvorum-hosts/<host>`, with which the host says every second that it lives. */
export class HostLease {
  readonly #options: HostLeaseOptions
  #stored: Stored<Lease> | undefined
  /** Monotonic, of the moment before the last request that succeeded. */
  #renewedAt: number | undefined
  #failing = false

  constructor(options: HostLeaseOptions) {
    this.#options = options
  }

  /** Whether the host may start machines: nobody can think that it is lost. */
  get held(): boolean {
    if (this.#renewedAt === undefined) return false
    return this.#options.clock.monotonic() - this.#renewedAt < durationSeconds * 1000 - marginMs
  }

  /**
   * Resolves with the first renewal. Throws a HostNameTakenError when another installation renews the lease while
   * this one watches.
   */
  async acquire(signal: AbortSignal): Promise<void> {
    const { clock, identity, hostName } = this.#options
    let seen: string | undefined
    for (;;) {
      const current = await this.#readPatiently(signal)
      const { holderIdentity, renewTime } = current?.spec ?? {}
      const foreign = holderIdentity !== undefined && holderIdentity !== '' && holderIdentity !== identity
      if (foreign && renewTime !== undefined && renewTime !== seen) {
        if (seen !== undefined) throw taken(hostName, holderIdentity)
        // Alive or a leftover? A living holder renews within its lease's duration, whatever its clock says.
        seen = renewTime
        await sleep(clock, durationSeconds * 1000, signal)
        continue
      }
      if (await this.#tryRenew(signal)) return
      await sleep(clock, renewEveryMs, signal)
    }
  }

  /** Renews until `signal` is aborted. Failures are logged once each time they begin and retried every second. */
  async keep(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options
    while (!signal.aborted) {
      const startedAt = clock.monotonic()
      await this.#tryRenew(signal)
      const restMs = Math.max(0, renewEveryMs - (clock.monotonic() - startedAt))
      await sleep(clock, restMs, signal).catch(() => {})
    }
  }

  async #tryRenew(signal: AbortSignal): Promise<boolean> {
    const { clock, log, metrics } = this.#options
    const startedAt = clock.monotonic()
    try {
      this.#stored = await this.#withTimeout((limited) => this.#renew(limited), signal)
      this.#renewedAt = startedAt
      metrics?.leaseRenewals.inc({ result: 'renewed' })
      if (this.#failing) log.info('Renewing host lease again')
      this.#failing = false
      return true
    } catch (error) {
      if (signal.aborted) throw error
      metrics?.leaseRenewals.inc({ result: 'failed' })
      if (!this.#failing) log.warn('Host lease could not be renewed', { error })
      this.#failing = true
      // Somebody else wrote it: read it again before the next attempt.
      if (isConflict(error) || isNotFound(error)) this.#stored = undefined
      return false
    }
  }

  async #renew(signal: AbortSignal): Promise<Stored<Lease>> {
    const { client, clock, hostName, identity } = this.#options
    const current = this.#stored ?? (await this.#read(signal))
    if (current === undefined) return this.#create(signal)
    const { holderIdentity } = current.spec
    if (holderIdentity !== identity && this.#renewedAt !== undefined) throw taken(hostName, holderIdentity)
    const now = microTimestamp(clock)
    const mine = holderIdentity === identity
    const transitions = (current.spec.leaseTransitions ?? 0) + (mine ? 0 : 1)
    const spec: Lease['spec'] = {
      ...current.spec,
      holderIdentity: identity,
      leaseDurationSeconds: durationSeconds,
      acquireTime: mine ? (current.spec.acquireTime ?? now) : now,
      renewTime: now,
      leaseTransitions: transitions,
    }
    return client.update<Lease>(leases, { ...current, spec }, { fieldManager, signal })
  }

  async #read(signal: AbortSignal): Promise<Stored<Lease> | undefined> {
    const key = { namespace: hostLeaseNamespace, name: this.#options.hostName }
    try {
      return await this.#options.client.get<Lease>(leases, key, { signal })
    } catch (error) {
      if (isNotFound(error)) return undefined
      throw error
    }
  }

  /** Waits for an API server that is not up yet. */
  async #readPatiently(signal: AbortSignal): Promise<Stored<Lease> | undefined> {
    const { clock, log } = this.#options
    for (;;) {
      try {
        return await this.#withTimeout((limited) => this.#read(limited), signal)
      } catch (error) {
        signal.throwIfAborted()
        if (!this.#failing) log.warn('Host lease could not be read', { error })
        this.#failing = true
        await sleep(clock, renewEveryMs, signal)
      }
    }
  }

  async #create(signal: AbortSignal): Promise<Stored<Lease>> {
    const { client, clock, hostName, identity } = this.#options
    const now = microTimestamp(clock)
    const lease: Lease = {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { namespace: hostLeaseNamespace, name: hostName },
      spec: {
        holderIdentity: identity,
        leaseDurationSeconds: durationSeconds,
        acquireTime: now,
        renewTime: now,
        leaseTransitions: 0,
      },
    }
    await this.#ensureNamespace(signal)
    return client.create<Lease>(leases, lease, { fieldManager, signal })
  }

  async #ensureNamespace(signal: AbortSignal): Promise<void> {
    const { client } = this.#options
    const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: hostLeaseNamespace } }
    try {
      await client.get(namespaces, { name: hostLeaseNamespace }, { signal })
    } catch (error) {
      if (!isNotFound(error)) throw error
      await client.create(namespaces, namespace, { fieldManager, signal }).catch((failure: unknown) => {
        if (!isAlreadyExists(failure)) throw failure
      })
    }
  }

  async #withTimeout<T>(work: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T> {
    const limit = new AbortController()
    const cancel = this.#options.clock.after(requestTimeoutMs, () =>
      limit.abort(new Error('the API server did not answer in time')),
    )
    try {
      return await work(AbortSignal.any([signal, limit.signal]))
    } finally {
      cancel()
    }
  }
}

function taken(hostName: string, holder: string | undefined): HostNameTakenError {
  return new HostNameTakenError(
    `another node daemon (${holder ?? 'unknown'}) runs as host ${hostName}: give each host a name of its own with --host-name`,
  )
}
