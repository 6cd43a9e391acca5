import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import type { AggregationOptions } from './start-aggregation.ts'

/** What concerns servers behind this one. */
export const aggregationFlags = {
  'proxy-client-cert-file': z.string().optional(),
  'proxy-client-key-file': z.string().optional(),
  'requestheader-client-ca-file': z.string().optional(),
}

export const aggregationHelp = {
  'proxy-client-cert-file': 'client certificate towards aggregated API servers, PEM',
  'proxy-client-key-file': 'key of that certificate, PEM',
  'requestheader-client-ca-file': 'authority of that certificate, PEM: published for aggregated API servers',
} as const

interface AggregationFlagValues {
  readonly proxyClientCertFile?: string | undefined
  readonly proxyClientKeyFile?: string | undefined
  readonly requestheaderClientCaFile?: string | undefined
}

/** Reads the files that the flags name. `clientAuthority` is who signs the certificates of clients, PEM. */
export async function aggregationOf(
  { proxyClientCertFile, proxyClientKeyFile, requestheaderClientCaFile }: AggregationFlagValues,
  clientAuthority: () => string,
): Promise<Pick<AggregationOptions, 'credentials' | 'requestHeader'>> {
  const proxyAuthority = requestheaderClientCaFile && (await readFile(requestheaderClientCaFile, 'utf8'))
  const credentials =
    proxyClientCertFile !== undefined && proxyClientKeyFile !== undefined
      ? {
          certificate: await readFile(proxyClientCertFile, 'utf8'),
          key: await readFile(proxyClientKeyFile, 'utf8'),
        }
      : undefined
  return {
    credentials: () => credentials,
    requestHeader: { proxyAuthority: proxyAuthority || undefined, clientAuthority: clientAuthority() },
  }
}
