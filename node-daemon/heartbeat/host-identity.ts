import { randomUUID } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** An id that this installation of the daemon keeps in its data directory; made at the first start. */
export async function hostIdentity(dataDir: string): Promise<string> {
  const path = join(dataDir, 'host-id')
  const known = await readFile(path, 'utf8').catch(() => '')
  if (/^[0-9a-f-]{36}$/.test(known.trim())) return known.trim()
  const identity = randomUUID()
  await mkdir(dataDir, { recursive: true })
  await writeFile(path, `${identity}\n`, { mode: 0o600, flush: true })
  return identity
}
