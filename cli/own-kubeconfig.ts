import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

/**
 * The path to read: as said, else that of `kvorum up` on this machine for those who have set nothing. Undefined leaves
 * it to KUBECONFIG and the home directory, which is also what kubectl looks at.
 */
export function kubeconfigPath(
  said: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): string | undefined {
  if (said !== undefined || env['KUBECONFIG'] !== undefined) return said
  // As a plugin this must not talk to another server than the kubectl that started it.
  if (env['KVORUM_AS_PLUGIN'] !== undefined && existsSync(join(env['HOME'] ?? homedir(), '.kube', 'config')))
    return undefined
  const dataDir = env['KVORUM_DATA_DIR'] ?? '/var/lib/kvorum'
  return [`${dataDir}/admin.kubeconfig`, '.kvorum/admin.kubeconfig'].find((path) => existsSync(path))
}
