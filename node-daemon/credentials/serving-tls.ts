import { readFile } from 'node:fs/promises'
import type { Server } from 'node:https'
import { isDeepStrictEqual } from 'node:util'
import type { Clock } from '../../apimachinery/clock.ts'
import type { Logger } from '../../apimachinery/log.ts'
import { parseKeyPair } from './key-pair.ts'
import type { NodeCredentials } from './node-credentials.ts'

/** What a TLS server shows, and whose clients it lets in; PEM. */
export interface TlsMaterial {
  readonly cert: string
  readonly key: string
  readonly ca: string
}

export interface ServingTls {
  /** As it is now; undefined while there is none, or while it is being replaced. */
  load(): Promise<TlsMaterial | undefined>
  /** Calls `listener` when it is worth loading again before the next minute. */
  onChange?(listener: () => void): void
}

export interface TlsFiles {
  readonly certFile: string
  readonly keyFile: string
  /** Authority of the clients that may connect at all. */
  readonly clientCaFile: string
}

/** From files that somebody else replaces before their end. Loading rejects when they cannot be read. */
export function tlsFromFiles({ certFile, keyFile, clientCaFile }: TlsFiles): ServingTls {
  return {
    async load() {
      const [cert, key, ca] = await Promise.all(
        [certFile, keyFile, clientCaFile].map((path) => readFile(path, 'utf8')),
      )
      if (cert === undefined || key === undefined || ca === undefined) return undefined
      return parseKeyPair(`${cert}\n${key}`) && { cert, key, ca }
    },
  }
}

export interface ServingTlsOptions {
  readonly tlsCertFile: string | undefined
  readonly tlsPrivateKeyFile: string | undefined
  readonly clientCaFile: string | undefined
}

/** From the files that the options name, or else from the certificates that the daemon asks for itself. */
export function servingTls(
  { tlsCertFile: certFile, tlsPrivateKeyFile: keyFile, clientCaFile }: ServingTlsOptions,
  credentials: NodeCredentials | undefined,
): ServingTls {
  if (certFile !== undefined && keyFile !== undefined && clientCaFile !== undefined)
    return tlsFromFiles({ certFile, keyFile, clientCaFile })
  if (credentials === undefined)
    throw new Error('a daemon needs files for TLS, or credentials to ask for a certificate with')
  const authority = () =>
    clientCaFile === undefined ? credentials.authority() : readFile(clientCaFile, 'utf8')
  return {
    async load() {
      const pair = credentials.serving.current
      return pair && { cert: pair.certificate, key: pair.key, ca: await authority() }
    },
    onChange: (listener) => credentials.serving.onChange(listener),
  }
}

const everyMs = 60_000

/** Gives `server` what `tls` has to show, now and after every change. The result ends that. */
export async function keepServing(
  server: Pick<Server, 'setSecureContext'>,
  tls: ServingTls,
  { clock, log }: { readonly clock: Clock; readonly log: Logger },
): Promise<() => void> {
  let shown: TlsMaterial | undefined
  let cancel = () => {}
  let ended = false
  const show = async () => {
    const next = await tls.load()
    if (ended || next === undefined || isDeepStrictEqual(next, shown)) return
    server.setSecureContext({ ...next, minVersion: 'TLSv1.2' })
    shown = next
  }
  const again = () =>
    void show().catch((error: unknown) => log.error('Serving certificate could not be read', { error }))
  const later = () => {
    cancel = clock.after(everyMs, () => {
      again()
      later()
    })
  }
  await show()
  tls.onChange?.(again)
  later()
  return () => {
    ended = true
    cancel()
  }
}
