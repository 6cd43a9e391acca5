import { randomBytes } from 'node:crypto'
import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { writeWhole } from '../../apiserver/certificates/certificate-directory.ts'
import type { DataLayout } from './layout.ts'

const keyBytes = 32

/**
 * The EncryptionConfiguration of the API server: Secrets under a key of this installation. Made once and then left
 * alone, also when an operator has changed it; readable by its owner alone.
 */
export async function ensureEncryption({ pki }: Pick<DataLayout, 'pki'>): Promise<string> {
  const path = join(pki, 'encryption.yaml')
  const isThere = await access(path).then(
    () => true,
    () => false,
  )
  if (!isThere) await writeWhole(path, configuration(randomBytes(keyBytes).toString('base64')))
  return path
}

function configuration(secret: string): string {
  return `# Without this file Secrets in etcd cannot be read: keep a copy with every backup.
apiVersion: apiserver.config.k8s.io/v1
kind: EncryptionConfiguration
resources:
  - resources: [secrets]
    providers:
      - aesgcm:
          keys:
            - name: key1
              secret: ${secret}
      # Reads what was stored before there was a key.
      - identity: {}
`
}
