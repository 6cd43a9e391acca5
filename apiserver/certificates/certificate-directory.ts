import { mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { isIP } from 'node:net'
import { dirname, join } from 'node:path'
import { X509Certificate } from 'node:crypto'
import type { Clock } from '../../apimachinery/clock.ts'
import {
  backdateMs as usualBackdateMs,
  createAuthority,
  expiryOf,
  issueCertificate,
  type CertificateRequest,
  type KeyPair,
} from './authority.ts'
import { belongTogether } from './read-key-pair.ts'

const dayMs = 24 * 60 * 60 * 1000
const authorityMs = 3650 * dayMs
/** The next authority is made known this long before certificates are signed with it. */
const announceMs = 365 * dayMs
/** From here on the next authority signs: certificates of the last one must not outlive it. */
const retireMs = 400 * dayMs
/** With less than this share of its life left, a certificate is made anew. */
const renewShare = 0.25

export interface DirectoryPolicy {
  /** How long a certificate lives; a year. */
  readonly lifeMs?: number
  /** How long before now it begins to be valid; five minutes. */
  readonly backdateMs?: number
}

/**
 * Where the server's own certificates lie; every one is `<name>.crt` with `<name>.key` beside it. Whatever a crash left
 * half done is found at the next call: a pair that does not belong together is made anew.
 */
export class CertificateDirectory {
  readonly #path: string
  readonly #clock: Clock
  readonly #lifeMs: number
  readonly #backdateMs: number

  constructor(path: string, clock: Clock, policy: DirectoryPolicy = {}) {
    this.#path = path
    this.#clock = clock
    this.#lifeMs = policy.lifeMs ?? 365 * dayMs
    this.#backdateMs = policy.backdateMs ?? usualBackdateMs
  }

  /** The authority that signs, made at the first call ever, and anew before its end. */
  async authority(): Promise<KeyPair> {
    const known = (await this.#read('ca')) ?? (await this.#firstAuthority())
    const leftMs = this.#leftOf(known)
    if (leftMs > retireMs + announceMs) return known
    const next = (await this.#read('ca-next')) ?? (await this.#write('ca-next', await this.#newAuthority()))
    return leftMs > retireMs ? known : await this.#succeed(known, next)
  }

  /** Every authority whose certificates are good, PEM: the one that signs first, then its successor or predecessor. */
  async trusted(): Promise<string> {
    const pairs = [await this.authority(), await this.#read('ca-next'), await this.#read('ca-last')]
    const certificates = pairs.flatMap((pair) =>
      pair && this.#leftOf(pair) > 0 ? [pair.certificate.trim()] : [],
    )
    const bundle = `${[...new Set(certificates)].join('\n')}\n`
    const path = join(this.#path, 'ca-bundle.crt')
    if ((await readOrNothing(path)) !== bundle) await writeWhole(path, bundle)
    return bundle
  }

  /** The certificate of that name, made anew when it is missing, about to expire, for other hosts or another authority. */
  async certificate(
    name: string,
    request: Omit<CertificateRequest, 'validDays' | 'backdateMs'>,
  ): Promise<KeyPair> {
    const authority = await this.authority()
    const known = await this.#read(name)
    if (known && this.#isGood(known, authority, request.hosts ?? [])) return known
    const validDays = this.#lifeMs / dayMs
    const asked = { ...request, validDays, backdateMs: this.#backdateMs }
    return await this.#write(name, await issueCertificate(this.#clock, authority, asked))
  }

  /** Throws rather than replace an authority that hosts and people rely on. */
  async #firstAuthority(): Promise<KeyPair> {
    const path = join(this.#path, 'ca.crt')
    if ((await readOrNothing(path)) !== undefined) {
      throw new Error(
        `${path} and the key beside it do not belong together: restore the key, or remove both to begin anew`,
      )
    }
    return await this.#write('ca', await this.#newAuthority())
  }

  #newAuthority(): Promise<KeyPair> {
    return createAuthority(this.#clock, 'kvorum-ca', authorityMs / dayMs, this.#backdateMs)
  }

  /** The next authority becomes the one that signs; a crash in between repeats what is left to do. */
  async #succeed(last: KeyPair, next: KeyPair): Promise<KeyPair> {
    await this.#write('ca-last', last)
    await this.#write('ca', next)
    for (const kind of ['crt', 'key']) await rm(join(this.#path, `ca-next.${kind}`), { force: true })
    return next
  }

  #leftOf({ certificate }: KeyPair): number {
    return (expiryOf(certificate) ?? 0) - this.#clock.now()
  }

  #isGood(pair: KeyPair, authority: KeyPair, hosts: readonly string[]): boolean {
    if (this.#leftOf(pair) < this.#lifeMs * renewShare) return false
    const certificate = new X509Certificate(pair.certificate)
    if (!certificate.verify(new X509Certificate(authority.certificate).publicKey)) return false
    // Each throws on what is meant for the other.
    const isFor = (host: string) =>
      isIP(host) === 0 ? certificate.checkHost(host) : certificate.checkIP(host)
    return hosts.every((host) => isFor(host) !== undefined)
  }

  /** Undefined when there is none, or when certificate and key are of different attempts. */
  async #read(name: string): Promise<KeyPair | undefined> {
    const [certificate, key, pendingKey] = await Promise.all(
      ['crt', 'key', 'key.new'].map((kind) => readOrNothing(join(this.#path, `${name}.${kind}`))),
    )
    if (certificate === undefined) return undefined
    if (key !== undefined && belongTogether({ certificate, key })) return { certificate, key }
    // The certificate was in place already, its key not yet.
    if (pendingKey === undefined || !belongTogether({ certificate, key: pendingKey })) return undefined
    await rename(join(this.#path, `${name}.key.new`), join(this.#path, `${name}.key`))
    return { certificate, key: pendingKey }
  }

  /**
   * The new key is on disk before anything is replaced, and becomes the key last: until then the old pair is whole, or
   * the new one can be put together.
   */
  async #write(name: string, pair: KeyPair): Promise<KeyPair> {
    await mkdir(this.#path, { recursive: true, mode: 0o700 })
    const file = (kind: string) => join(this.#path, `${name}.${kind}`)
    await writeNew(file('key.new'), pair.key)
    await writeNew(file('crt.new'), pair.certificate)
    await rename(file('crt.new'), file('crt'))
    await rename(file('key.new'), file('key'))
    await syncDirectory(this.#path)
    return pair
  }
}

async function readOrNothing(path: string): Promise<string | undefined> {
  try {
    const text = await readFile(path, 'utf8')
    return text === '' ? undefined : text
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** Readable by the owner alone, and never half-written, not even after a loss of power. */
export async function writeWhole(path: string, text: string): Promise<void> {
  const temporary = `${path}.new`
  await writeNew(temporary, text)
  await rename(temporary, path)
  await syncDirectory(dirname(path))
}

async function writeNew(path: string, text: string): Promise<void> {
  const file = await open(path, 'w', 0o600)
  try {
    await file.writeFile(text.endsWith('\n') ? text : `${text}\n`)
    await file.sync()
  } finally {
    await file.close()
  }
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}
