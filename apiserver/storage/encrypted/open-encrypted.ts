import { builtInKinds } from '../../registry/builtin/kinds.ts'
import type { Storage } from '../storage.ts'
import { EncryptionConfigFile } from './config-file.ts'
import { encryptedStorage } from './encrypted-storage.ts'
import { resourceOfKeys } from './resource-of-key.ts'

/** `inner`, encrypted as the file at `path` says; without a path it stays as it is. Throws when the file is not valid. */
export async function openEncrypted(
  inner: Storage,
  path: string | undefined,
): Promise<{ storage: Storage; file: EncryptionConfigFile | undefined }> {
  if (path === undefined) return { storage: inner, file: undefined }
  const file = await EncryptionConfigFile.open(path)
  const resourceOf = resourceOfKeys(builtInKinds)
  return { storage: encryptedStorage(inner, { resourceOf, config: () => file.current }), file }
}
