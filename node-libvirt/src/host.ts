import { EventEmitter } from 'node:events'
import type { CallOptions } from './call-queue.ts'
import { LibvirtConnection, procedureOf } from './connection.ts'
import type { Args, CallArguments, CallName, ConnectOptions, Ret, StreamCallOptions } from './connection.ts'
import { DisconnectedError } from './errors.ts'
import { EventHub } from './event-hub.ts'
import type { HostEvent, ListenOptions } from './event-hub.ts'
import { defaultEventKinds, registerEvents } from './event-kinds.ts'
import type { EventKind } from './event-kinds.ts'
import type { StreamProcedureName } from './generated/types.ts'
import { Patience, pause, untilAborted } from './patience.ts'
import type { OpenedStream } from './rpc-connection.ts'
import { Semaphore } from './semaphore.ts'

/** `connecting` also stands for coming back after a loss; `down` is the wait between two attempts. */
export type HostState = 'connecting' | 'up' | 'down' | 'closed'

export interface HostOptions extends Omit<ConnectOptions, 'signal' | 'serverKeepAlive'> {
  /** Kinds of events to register for; all but QEMU's monitor events by default. */
  readonly events?: readonly EventKind[] | undefined
  /** Milliseconds between attempts to reconnect: from `min`, doubled each time, to `max`; 100 and 10000 by default. */
  readonly backoff?: { readonly min: number; readonly max: number } | undefined
  /** Default `timeout` of `query` in milliseconds; 60000 unless given, 0 for none. */
  readonly queryTimeout?: number | undefined
  /** Jobs at once, each on its own connection; further ones wait. 16 by default. */
  readonly maxJobs?: number | undefined
}

const shortestStableMs = 1000
/** A stream may rest for long while a disk is slow, so silence is borne that many times longer. */
const streamPatience = 4

/**
 * One libvirt host that stays reachable: reconnects by itself, and keeps short calls, long jobs and streams
 * on connections of their own, because a daemon stops reading one on which five calls are under way.
 *
 * Emits `state` with each change of state.
 */
export class LibvirtHost extends EventEmitter<{ state: [HostState] }> {
  readonly uri: string
  readonly #options: HostOptions
  readonly #hub = new EventHub()
  readonly #jobs: Semaphore
  readonly #closing = new AbortController()
  #state: HostState = 'connecting'
  #control: LibvirtConnection | undefined
  #attempt: Promise<unknown> = Promise.resolve()
  #lastError: unknown
  #refusedEvents: readonly EventKind[] = []
  readonly #running: Promise<void>

  /** Starts connecting at once; `query` waits for a first attempt that is under way. */
  constructor(uri: string, options: HostOptions = {}) {
    super()
    // Every job and stream in flight may listen for the end of the host.
    this.setMaxListeners(0)
    this.uri = uri
    this.#options = options
    this.#jobs = new Semaphore(options.maxJobs ?? 16)
    this.#running = this.#run()
  }

  /** Connects, or rejects with what the first attempt failed of. */
  static async connect(uri: string, options: HostOptions = {}): Promise<LibvirtHost> {
    const host = new LibvirtHost(uri, options)
    await host.#attempt
    if (host.#control !== undefined) return host
    const error = host.#lastError
    await host.close()
    throw error
  }

  get state(): HostState {
    return this.#state
  }

  /** Why the host is or was last down. */
  get lastError(): unknown {
    return this.#lastError
  }

  /** Kinds of events that this daemon does not have. */
  get refusedEvents(): readonly EventKind[] {
    return this.#refusedEvents
  }

  /**
   * Everything that happens on the host, for `for await`. Each loop is a follower of its own and begins with
   * `{ type: 'resync' }` as soon as the host is up.
   */
  get events(): AsyncIterable<HostEvent> {
    return { [Symbol.asyncIterator]: () => this.listen() }
  }

  /** Like `events`, following from the moment of the call, with a signal or another buffer. */
  listen(options: ListenOptions = {}): AsyncIterableIterator<HostEvent> {
    return this.#hub.follow(options, this.#state === 'up')
  }

  /**
   * Makes a short call on the control connection, of which at most four are in flight.
   * Rejects at once with `DisconnectedError` while the host is down.
   */
  async query<K extends CallName>(
    name: K,
    ...[args, options]: CallArguments<K, CallOptions>
  ): Promise<Ret<K>> {
    const { signal, timeout = this.#options.queryTimeout ?? 60_000 } = options ?? {}
    const control = this.#control ?? (await this.#awaitControl(name, { signal, timeout }))
    try {
      return await control.rpc.call(procedureOf(name), args as Args<K>, { signal, timeout })
    } finally {
      this.#replaceIfStuck(control)
    }
  }

  /**
   * Makes a call that may take long on a connection of its own: migration, backup, start, agent commands.
   * Giving up by signal or timeout closes that connection; the daemon's work goes on, unless `domainAbortJob` ends it.
   * A domain started with `VIR_DOMAIN_START_AUTODESTROY` ends with the job's connection: use a `LibvirtConnection`.
   */
  async job<K extends CallName>(name: K, ...[args, options]: CallArguments<K, CallOptions>): Promise<Ret<K>> {
    const patience = new Patience(name, options ?? {})
    try {
      const release = await this.#jobs.acquire(patience.signal)
      try {
        const connection = await this.#open({}, patience.signal)
        try {
          return await connection.rpc.call(procedureOf(name), args as Args<K>, { signal: patience.signal })
        } finally {
          connection.rpc.destroy()
        }
      } finally {
        release()
      }
    } finally {
      patience.end()
    }
  }

  /** Opens a stream on a connection of its own, which ends with the stream. */
  async stream<K extends StreamProcedureName>(
    name: K,
    ...[args, options]: CallArguments<K, StreamCallOptions>
  ): Promise<OpenedStream<Ret<K>>> {
    const { interval, count } = this.#options.keepAlive || { interval: 5000, count: 3 }
    const patience = new Patience(name, options ?? {})
    try {
      // A reader that rests must not be mistaken for a dead client, so the daemon asks for no signs of life here.
      const connection = await this.#open(
        { serverKeepAlive: false, keepAlive: { interval, count: count * streamPatience } },
        patience.signal,
      )
      try {
        const { sparse, signal, timeout } = options ?? {}
        const limits = { sparse, signal, timeout }
        const opened = await connection.rpc.openStream(procedureOf(name), args as Args<K>, limits)
        opened.stream.once('close', () => void connection.close())
        return opened
      } catch (error) {
        connection.rpc.destroy()
        throw error
      }
    } finally {
      patience.end()
    }
  }

  /** Ends everything: pending calls reject with `DisconnectedError`, streams break, loops over `events` end. */
  async close(): Promise<void> {
    this.#closing.abort(new DisconnectedError('The host was closed'))
    this.#hub.close()
    await this.#control?.close()
    await this.#running
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #run(): Promise<void> {
    const { min, max } = this.#options.backoff ?? { min: 100, max: 10_000 }
    let delay = min
    while (!this.#closing.signal.aborted) {
      this.#setState('connecting')
      const attempt = this.#connect()
      this.#attempt = attempt.catch(() => {})
      const since = performance.now()
      try {
        const { lost } = await attempt
        this.#lastError = await lost
      } catch (error) {
        this.#lastError = error
      }
      this.#control = undefined
      if (this.#closing.signal.aborted) break
      this.#setState('down')
      // A daemon that accepts and at once drops us counts as one that does not answer.
      if (performance.now() - since > shortestStableMs) delay = min
      await pause(delay * (0.5 + Math.random() / 2), this.#closing.signal)
      delay = Math.min(delay * 2, max)
    }
    this.#setState('closed')
  }

  /** One attempt: connect, register for events, announce. `lost` resolves with the reason when it is over. */
  async #connect(): Promise<{ readonly lost: Promise<Error> }> {
    const control = await LibvirtConnection.open(this.uri, { ...this.#options, signal: this.#closing.signal })
    const lost = new Promise<Error>((resolve) => {
      control.once('close', resolve)
    })
    control.on('event', (event) => this.#hub.publish(event))
    control.on('undecodable', () => this.#hub.publish({ type: 'resync' }))
    try {
      this.#refusedEvents = await registerEvents(control, this.#options.events ?? defaultEventKinds)
      this.#closing.signal.throwIfAborted()
    } catch (error) {
      control.rpc.destroy()
      throw error
    }
    this.#control = control
    this.#setState('up')
    this.#hub.publish({ type: 'resync' })
    return { lost }
  }

  #setState(state: HostState): void {
    if (this.#state === state) return
    this.#state = state
    this.emit('state', state)
  }

  async #awaitControl(name: string, limits: CallOptions): Promise<LibvirtConnection> {
    const patience = new Patience(name, limits)
    if (this.#state === 'connecting')
      await untilAborted(this.#attempt, patience.signal).finally(() => patience.end())
    else patience.end()
    if (this.#control !== undefined) return this.#control
    const why = this.#lastError instanceof Error ? `: ${this.#lastError.message}` : ''
    throw new DisconnectedError(`libvirt is not reachable${why}`, { cause: this.#lastError })
  }

  async #open(options: ConnectOptions, signal: AbortSignal): Promise<LibvirtConnection> {
    this.#closing.signal.throwIfAborted()
    const connection = await LibvirtConnection.open(this.uri, { ...this.#options, ...options, signal })
    const end = () => connection.rpc.destroy(new DisconnectedError('The host was closed'))
    if (this.#closing.signal.aborted) end()
    this.#closing.signal.addEventListener('abort', end, { once: true })
    connection.once('close', () => this.#closing.signal.removeEventListener('abort', end))
    return connection
  }

  /** Four calls that nobody waits for any more would block the connection for as long as the daemon works on them. */
  #replaceIfStuck(control: LibvirtConnection): void {
    if (control.rpc.abandoned >= (this.#options.maxInFlight ?? 4))
      control.rpc.destroy(new DisconnectedError('Every call in flight had been given up'))
  }
}
