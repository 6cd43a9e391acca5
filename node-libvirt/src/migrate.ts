import type { LibvirtHost } from './host.ts'
import { virDomainMigrateFlags } from './generated/constants.ts'
import type { Domain } from './generated/types.ts'
import { pause } from './patience.ts'
import { LibvirtError } from './errors.ts'
import type { TypedParam } from './typed-param-codec.ts'
import { typedParams } from './typed-params.ts'
import type { TypedParamValue } from './typed-params.ts'

export interface MigrateOptions {
  /** Any of `virDomainMigrateFlags`; peer-to-peer is implied. */
  readonly flags?: number | undefined
  /** `VIR_MIGRATE_PARAM_*` values, such as the bandwidth. */
  readonly params?: readonly TypedParam[] | undefined
  /** Aborts the migration in libvirt too; the guest then goes on where it is. */
  readonly signal?: AbortSignal | undefined
  /** Gets the job's statistics (`domainGetJobStats`) from time to time, until the migration is over. */
  readonly onProgress?: ((stats: Record<string, TypedParamValue>) => void) | undefined
  /** Milliseconds between two looks at the statistics; 500 by default. */
  readonly progressInterval?: number | undefined
}

/**
 * Migrates a domain peer-to-peer, as `virDomainMigrateToURI3` does. `dconnuri` is where the *source's* daemon finds
 * the destination's. Resolves when the guest runs there; rejects with libvirt's error, or the signal's reason.
 */
export async function migrateToUri3(
  host: LibvirtHost,
  dom: Domain,
  dconnuri: string,
  options: MigrateOptions = {},
): Promise<void> {
  refuseLocalhost(dconnuri)
  options.signal?.throwIfAborted()
  const flags = (options.flags ?? 0) | virDomainMigrateFlags.VIR_MIGRATE_PEER2PEER
  const over = new AbortController()
  const abort = () => void host.query('domainAbortJob', { dom }).catch(() => {})
  options.signal?.addEventListener('abort', abort, { once: true })
  const watching = options.onProgress === undefined ? undefined : watch(host, dom, options, over.signal)
  try {
    const params = options.params ?? []
    await host.job('domainMigratePerform3Params', {
      dom,
      dconnuri,
      params,
      cookieIn: new Uint8Array(),
      flags,
    })
  } catch (error) {
    // libvirt's words for an abort that we asked for are its own; the caller knows its signal.
    if (options.signal?.aborted === true && error instanceof LibvirtError) throw options.signal.reason
    throw error
  } finally {
    options.signal?.removeEventListener('abort', abort)
    over.abort()
    await watching
  }
}

/** A destination named localhost would be the source itself: libvirt's own library refuses it too. */
function refuseLocalhost(dconnuri: string): void {
  let host: string
  try {
    host = new URL(dconnuri).hostname
  } catch (cause) {
    throw new TypeError(`"${dconnuri}" is not a URI such as qemu+tls://host/system`, { cause })
  }
  if (/^(localhost|127(\.\d+){3}|\[::1\])$/i.test(host))
    throw new TypeError(`${dconnuri}: the source's daemon would look for the destination on its own host`)
}

async function watch(
  host: LibvirtHost,
  dom: Domain,
  { onProgress, progressInterval = 500 }: MigrateOptions,
  over: AbortSignal,
): Promise<void> {
  for (;;) {
    await pause(progressInterval, over)
    if (over.aborted) return
    try {
      const { params } = await host.query('domainGetJobStats', { dom, flags: 0 }, { signal: over })
      if (!over.aborted) onProgress?.(typedParams(params))
    } catch {
      // The job may just have ended, or the host be down for a moment: the migration itself tells.
    }
  }
}
