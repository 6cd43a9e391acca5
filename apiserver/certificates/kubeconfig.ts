import { stringify } from 'yaml'
import type { KeyPair } from './authority.ts'

/** A kubeconfig with everything in it, for one user of one server. */
export function kubeconfig(options: {
  /** Name of cluster, user and context. */
  readonly name: string
  readonly server: string
  readonly authority: string
  readonly client: KeyPair
}): string {
  const { name, server, authority, client } = options
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster: { server, 'certificate-authority-data': base64(authority) } }],
    users: [
      {
        name,
        user: {
          'client-certificate-data': base64(client.certificate),
          'client-key-data': base64(client.key),
        },
      },
    ],
    contexts: [{ name, context: { cluster: name, user: name, namespace: 'default' } }],
    'current-context': name,
  })
}

const base64 = (text: string) => Buffer.from(text).toString('base64')
