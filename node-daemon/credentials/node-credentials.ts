import { join } from 'node:path'
import { BackOff } from '../../apimachinery/client/back-off.ts'
import type { Client } from '../../apimachinery/client/client.ts'
import type { Credentials } from '../../apimachinery/client/http/connection.ts'
import type { ClientConfig } from '../../apimachinery/client/http-client.ts'
import { type Clock, sleep } from '../../apimachinery/clock.ts'
import type { Logger } from '../../apimachinery/log.ts'
import { hasReason } from '../../apimachinery/status-error.ts'
import { PublishedAuthorities } from './authorities.ts'
import { type KeyPair, parseKeyPair } from './key-pair.ts'
import { keyPairFile } from './key-pair-file.ts'
import { CertificateRefusedError, obtainCertificate } from './obtain-certificate.ts'
import { RotatingKeyPair } from './rotating-key-pair.ts'
import type { Purpose } from './signing-request.ts'

export interface NodeCredentialsOptions {
  readonly hostName: string
  /** Where certificates are kept. */
  readonly directory: string
  /** The server, its authority, and the first client certificate perhaps. */
  readonly server: ClientConfig
  /** What may ask for the first certificate of a new host; undefined when it has one. */
  readonly bootstrap?: ClientConfig | undefined
  /** Whether the certificate for consoles is asked for too; it may come from outside. */
  readonly serving: boolean
  /** How long certificates are to live; left out: as long as the server gives. */
  readonly lifeMs?: number | undefined
}

export interface NodeCredentialsDeps {
  /** A client for requests for certificates; closed after each. */
  readonly connect: (config: ClientConfig) => Client
  readonly clock: Clock
  readonly log: Logger
  readonly random?: () => number
}

// Timers do not know of suspended hosts and of clocks that are set: look at the calendar often.
const longestPauseMs = 60 * 1000
const firstRetryMs = 1_000
const longestRetryMs = 5 * 60 * 1000
const authoritiesEveryMs = 24 * 60 * 60 * 1000
// People may have to approve it.
const patienceMs = 15 * 60 * 1000

/**
 * The certificates of this host's daemon: asked for with what the host was given to enrol, renewed long before their end,
 * and recovered after it. A host that was off for months shows its expired certificate, which is good for asking for
 * another one and nothing else.
 */
export class NodeCredentials {
  readonly #options: NodeCredentialsOptions
  readonly #deps: NodeCredentialsDeps
  readonly #pairs: Readonly<Record<Purpose, RotatingKeyPair>>
  readonly #authorities: PublishedAuthorities
  readonly #backOff: BackOff
  #fetchedAt: number | undefined
  #asking = false

  constructor(options: NodeCredentialsOptions, deps: NodeCredentialsDeps) {
    this.#options = options
    this.#deps = deps
    const pair = (purpose: Purpose) =>
      new RotatingKeyPair({
        ...deps,
        file: keyPairFile(join(options.directory, `node-${purpose}.pem`)),
        lifeMs: options.lifeMs,
      })
    this.#pairs = { client: pair('client'), serving: pair('serving') }
    this.#authorities = new PublishedAuthorities(join(options.directory, 'ca-bundle.crt'))
    const random = deps.random ?? Math.random
    this.#backOff = new BackOff({ firstMs: firstRetryMs, maxMs: longestRetryMs, random })
  }

  /** Reads what was kept. Call before anything else. */
  async load(): Promise<void> {
    await Promise.all([this.#pairs.client.load(), this.#pairs.serving.load(), this.#authorities.load()])
    await this.#takeGiven()
  }

  /** How the daemon gets in: always with the newest certificate. */
  get client(): ClientConfig {
    const { server } = this.#options
    return { server: server.server, credentials: () => this.#credentials(), credentialsMaxAgeMs: 0 }
  }

  /** What the daemon shows to those who open consoles; undefined until it has one. */
  get serving(): Pick<RotatingKeyPair, 'current' | 'onChange'> {
    return this.#pairs.serving
  }

  /** Whom the daemon believes about the server, PEM; the same authority signs the server's client certificate. */
  async authority(): Promise<string> {
    return `${String((await this.#options.server.credentials()).ca ?? '')}\n${this.#authorities.text}`
  }

  /** True while a certificate is being asked for. */
  get asking(): boolean {
    return this.#asking
  }

  /** Keeps the certificates good until `signal` is aborted. */
  async keep(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const pauseMs = await this.#look(signal)
      await sleep(this.#deps.clock, pauseMs, signal).catch(() => {})
    }
  }

  /** Renews what is due; says when to look again. */
  async #look(signal: AbortSignal): Promise<number> {
    const purposes: Purpose[] = this.#options.serving ? ['client', 'serving'] : ['client']
    this.#asking = true
    try {
      await this.#takeGiven()
      for (const purpose of purposes)
        if (this.#pairs[purpose].dueInMs === 0) await this.#renew(purpose, signal)
      this.#backOff.reset()
      await this.#fetchAuthorities(signal)
    } catch (error) {
      if (signal.aborted) return 0
      this.#deps.log.warn('Certificate could not be renewed', { error })
      return this.#backOff.next()
    } finally {
      this.#asking = false
    }
    const soonest = Math.min(...purposes.map((purpose) => this.#pairs[purpose].dueInMs))
    return Math.max(1_000, Math.min(longestPauseMs, soonest))
  }

  /** Whoever manages this host's files may have put a better certificate there. */
  async #takeGiven(): Promise<void> {
    const given = clientPairIn(await this.#options.server.credentials())
    if (given !== undefined) this.#pairs.client.offer(given)
  }

  async #fetchAuthorities(signal: AbortSignal): Promise<void> {
    const now = this.#deps.clock.now()
    if (this.#fetchedAt !== undefined && Math.abs(now - this.#fetchedAt) < authoritiesEveryMs) return
    const client = this.#deps.connect(this.client)
    try {
      await this.#authorities.fetch(client, signal)
      this.#fetchedAt = now
    } catch (error) {
      // What is known is good for months yet.
      if (!signal.aborted) this.#deps.log.debug('Authorities could not be fetched', { error })
    } finally {
      await client.close()
    }
  }

  async #renew(purpose: Purpose, signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#deps
    const limit = new AbortController()
    const cancel = clock.after(patienceMs, () => limit.abort(new Error('nobody decided about the request')))
    try {
      const pair = await this.#ask(purpose, AbortSignal.any([signal, limit.signal]))
      await this.#pairs[purpose].replace(pair)
      log.info('Renewed certificate', { purpose })
    } finally {
      cancel()
    }
  }

  async #ask(purpose: Purpose, signal: AbortSignal): Promise<KeyPair> {
    const { bootstrap } = this.#options
    if (this.#pairs.client.current === undefined && bootstrap !== undefined)
      return await this.#askWith(bootstrap, purpose, signal)
    try {
      return await this.#askWith(this.client, purpose, signal)
    } catch (error) {
      // An expired certificate is refused when it expired too long ago or the Host was deleted.
      const refused =
        error instanceof CertificateRefusedError || hasReason(error, 'Unauthorized', 'Forbidden')
      if (!refused || !this.#pairs.client.expired || bootstrap === undefined) throw error
      this.#deps.log.warn('The expired certificate is refused: enrolling anew', { error })
      return await this.#askWith(bootstrap, purpose, signal)
    }
  }

  async #askWith(config: ClientConfig, purpose: Purpose, signal: AbortSignal): Promise<KeyPair> {
    const { hostName, lifeMs } = this.#options
    const client = this.#deps.connect(config)
    try {
      return await obtainCertificate(client, { hostName, purpose, lifeMs }, signal)
    } finally {
      await client.close()
    }
  }

  async #credentials(): Promise<Credentials> {
    const given = await this.#options.server.credentials()
    const own = this.#pairs.client.current
    return {
      ...given,
      ...(given.ca !== undefined && { ca: await this.authority() }),
      ...(own !== undefined && { cert: own.certificate, key: own.key }),
    }
  }
}

function clientPairIn({ cert, key }: Credentials): KeyPair | undefined {
  return cert === undefined || key === undefined ? undefined : parseKeyPair(`${String(cert)}\n${String(key)}`)
}
