import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { parseEncryptionConfig } from '../../../../apiserver/storage/encrypted/encryption-config.ts'
import { ensureEncryption } from '../../../../cli/up/encryption.ts'

let pki = ''
beforeEach(async () => {
  pki = await mkdtemp(join(tmpdir(), 'kvorum-up-'))
})
afterEach(async () => {
  await rm(pki, { recursive: true, force: true })
})

test('the API server takes the file: Secrets under a key, plain ones are read', async () => {
  const path = await ensureEncryption({ pki })

  const config = parseEncryptionConfig(await readFile(path, 'utf8'))
  const prefixes = (resource: string) =>
    config.transformersOf({ group: '', resource }).map(({ prefix }) => prefix)
  expect(prefixes('secrets')).toEqual(['k8s:enc:aesgcm:v1:key1:', ''])
  expect(prefixes('configmaps')).toEqual([''])
  expect((await stat(path)).mode & 0o777).toBe(0o600)
})

test('each installation has a key of its own, which stays', async () => {
  const path = await ensureEncryption({ pki })
  const first = await readFile(path, 'utf8')
  await ensureEncryption({ pki })
  expect(await readFile(path, 'utf8')).toBe(first)

  await writeFile(path, 'changed')
  await ensureEncryption({ pki })
  expect(await readFile(path, 'utf8')).toBe('changed')

  await rm(path)
  await ensureEncryption({ pki })
  expect(await readFile(path, 'utf8')).not.toBe(first)
})
