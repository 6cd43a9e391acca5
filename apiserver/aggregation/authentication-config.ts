import type { LocalApi } from '../handlers/local-api.ts'
import { configMaps } from '../registry/builtin/config.ts'

/** How servers behind this one tell its requests from anybody else's. */
export interface RequestHeaderConfig {
  /** PEM: who signed the certificate that this server shows to them; undefined when it shows none. */
  readonly proxyAuthority: string | undefined
  /** PEM: who signs the certificates of clients. */
  readonly clientAuthority: string
}

/**
 * Writes the ConfigMap that aggregated servers read at their start: whose word they may take for who the user is, and
 * in which headers it is.
 */
export async function publishAuthenticationConfig(
  local: LocalApi,
  { proxyAuthority, clientAuthority }: RequestHeaderConfig,
): Promise<void> {
  await local.apply(configMaps, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'extension-apiserver-authentication', namespace: 'kube-system' },
    data: {
      'client-ca-file': clientAuthority,
      ...(proxyAuthority !== undefined && {
        'requestheader-client-ca-file': proxyAuthority,
        'requestheader-allowed-names': '[]',
        'requestheader-username-headers': '["X-Remote-User"]',
        'requestheader-uid-headers': '["X-Remote-Uid"]',
        'requestheader-group-headers': '["X-Remote-Group"]',
        'requestheader-extra-headers-prefix': '["X-Remote-Extra-"]',
      }),
    },
  })
}
