import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { KeyPair } from './authority.ts'

/** The pair in two files; undefined when none are named. Rejects when they cannot be read. */
export async function readKeyPair(
  certificateFile: string | undefined,
  keyFile: string | undefined,
): Promise<KeyPair | undefined> {
  if (certificateFile === undefined || keyFile === undefined) return undefined
  const [certificate, key] = await Promise.all([readFile(certificateFile, 'utf8'), readFile(keyFile, 'utf8')])
  return { certificate, key }
}

/** Whether the key is the certificate's: false for files of which only one has been replaced so far. */
export function belongTogether({ certificate, key }: KeyPair): boolean {
  try {
    return new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key))
  } catch {
    return false
  }
}
