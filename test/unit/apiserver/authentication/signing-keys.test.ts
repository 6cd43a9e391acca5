import { generateKeyPairSync } from 'node:crypto'
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { loadServiceAccountKeys, publicKeysOf } from '../../../../apiserver/service-accounts/signing-keys.ts'

let directory: string

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kvorum-keys-'))
})
afterEach(() => rm(directory, { recursive: true, force: true }))

const load = (more: { signingKeyFile?: string; keyFiles?: string[] } = {}) =>
  loadServiceAccountKeys({ signingKeyFile: undefined, keyFiles: [], directory, ...more })

test('a missing key is made once, for all servers that start on the directory, and by its owner alone to be read', async () => {
  const loaded = await Promise.all(Array.from({ length: 8 }, () => load()))
  expect(new Set(loaded.map(({ signing }) => signing.id)).size).toBe(1)
  expect(await readdir(directory)).toEqual(['sa.key'])
  expect((await stat(join(directory, 'sa.key'))).mode & 0o777).toBe(0o600)
  expect((await load()).signing.id).toBe(loaded[0]?.signing.id)
})

test.each([
  ['RS256', () => generateKeyPairSync('rsa', { modulusLength: 2048 }), 'pkcs1'],
  ['RS256', () => generateKeyPairSync('rsa', { modulusLength: 2048 }), 'pkcs8'],
  ['ES256', () => generateKeyPairSync('ec', { namedCurve: 'P-256' }), 'sec1'],
  ['ES384', () => generateKeyPairSync('ec', { namedCurve: 'P-384' }), 'pkcs8'],
  ['ES512', () => generateKeyPairSync('ec', { namedCurve: 'P-521' }), 'pkcs8'],
] as const)('a key for %s is read (%#)', async (algorithm, make, type) => {
  const { privateKey, publicKey } = make()
  const path = join(directory, 'given.key')
  await writeFile(path, privateKey.export({ type, format: 'pem' }))
  const { signing, verifying } = await load({ signingKeyFile: path, keyFiles: [path] })
  expect(signing.algorithm).toBe(algorithm)
  expect(verifying.map(({ id }) => id)).toEqual([signing.id])
  const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString()
  expect(publicKeysOf(`${pem}\n${pem}`, 'keys').map(({ id }) => id)).toEqual([signing.id, signing.id])
})

test('what holds no usable key is refused by name', async () => {
  const path = join(directory, 'x.key')
  await writeFile(path, 'nothing')
  await expect(load({ signingKeyFile: path })).rejects.toThrow(`${path} holds no private key`)
  await expect(load({ keyFiles: [path] })).rejects.toThrow(`${path} holds no key`)
  const { privateKey } = generateKeyPairSync('ed25519')
  await writeFile(path, privateKey.export({ type: 'pkcs8', format: 'pem' }))
  await expect(load({ signingKeyFile: path })).rejects.toThrow('a key of type ed25519')
})
