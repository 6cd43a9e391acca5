import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import { join } from 'node:path'
import { X509Certificate } from 'node:crypto'
import type { Clock } from '../../apimachinery/clock.ts'
import {
  createAuthority,
  expiryOf,
  issueCertificate,
  type CertificateRequest,
  type KeyPair,
} from './authority.ts'

const authorityDays = 3650
const leafDays = 365
const dayMs = 24 * 60 * 60 * 1000
/** A certificate with less life left than this is made anew at the next start. */
const renewBeforeMs = 60 * dayMs

/** Where the server's own certificates lie; every one is `<name>.crt` with `<name>.key` beside it. */
export class CertificateDirectory {
  readonly #path: string
  readonly #clock: Clock

  constructor(path: string, clock: Clock) {
    this.#path = path
    this.#clock = clock
  }

  /** The authority, made at the first call ever. */
  async authority(): Promise<KeyPair> {
    const known = await this.#read('ca')
    if (known) return known
    return await this.#write('ca', await createAuthority(this.#clock, 'kvorum-ca', authorityDays))
  }

  /** The certificate of that name, made anew when it is missing, about to expire, for other hosts or another authority. */
  async certificate(name: string, request: Omit<CertificateRequest, 'validDays'>): Promise<KeyPair> {
    const authority = await this.authority()
    const known = await this.#read(name)
    if (known && this.#isGood(known, authority, request.hosts ?? [])) return known
    const fresh = await issueCertificate(this.#clock, authority, { ...request, validDays: leafDays })
    return await this.#write(name, fresh)
  }

  #isGood(pair: KeyPair, authority: KeyPair, hosts: readonly string[]): boolean {
    const expiry = expiryOf(pair.certificate)
    if (expiry === undefined || expiry - renewBeforeMs < this.#clock.now()) return false
    const certificate = new X509Certificate(pair.certificate)
    if (!certificate.verify(new X509Certificate(authority.certificate).publicKey)) return false
    // Each throws on what is meant for the other.
    const isFor = (host: string) =>
      isIP(host) === 0 ? certificate.checkHost(host) : certificate.checkIP(host)
    return hosts.every((host) => isFor(host) !== undefined)
  }

  async #read(name: string): Promise<KeyPair | undefined> {
    try {
      const [certificate, key] = await Promise.all(
        ['crt', 'key'].map((kind) => readFile(join(this.#path, `${name}.${kind}`), 'utf8')),
      )
      return certificate && key ? { certificate, key } : undefined
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw error
    }
  }

  async #write(name: string, pair: KeyPair): Promise<KeyPair> {
    await mkdir(this.#path, { recursive: true, mode: 0o700 })
    await writeWhole(join(this.#path, `${name}.key`), pair.key)
    await writeWhole(join(this.#path, `${name}.crt`), pair.certificate)
    return pair
  }
}

/** Readable by the owner alone, and never half-written. */
export async function writeWhole(path: string, text: string): Promise<void> {
  const temporary = `${path}.new`
  await writeFile(temporary, text.endsWith('\n') ? text : `${text}\n`, { mode: 0o600 })
  await rename(temporary, path)
}
