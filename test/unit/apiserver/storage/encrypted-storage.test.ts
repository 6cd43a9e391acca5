import { expect, test } from 'vitest'
import { encryptedStorage } from '../../../../apiserver/storage/encrypted/encrypted-storage.ts'
import { EncryptionConfig } from '../../../../apiserver/storage/encrypted/encryption-config.ts'
import { aesGcm, identity, type Transformer } from '../../../../apiserver/storage/encrypted/transformer.ts'
import { memoryStorage } from '../../../../apiserver/storage/memory/memory-storage.ts'
import { isStorageError } from '../../../../apiserver/storage/storage.ts'

const keyOne = aesGcm('eins-ä', Buffer.alloc(32, 1))
const keyTwo = aesGcm('two', Buffer.alloc(32, 2))
const value = Buffer.from('{"metadata":{}}')

function setup(...transformers: readonly Transformer[]) {
  const inner = memoryStorage()
  let config = configOf(transformers)
  const storage = encryptedStorage(inner, {
    resourceOf: (key) => ({ group: '', resource: key.split('/')[2] ?? '' }),
    config: () => config,
  })
  const rotate = (...next: readonly Transformer[]) => void (config = configOf(next))
  return { inner, storage, rotate }
}

function configOf(transformers: readonly Transformer[]): EncryptionConfig {
  return new EncryptionConfig(new Map([['secrets.', transformers]]))
}

const at = '/registry/secrets/a'

test('what is stored is sealed, what is read is not', async () => {
  const { inner, storage } = setup(keyOne)
  const { revision } = await storage.create(at, value)
  await storage.create('/registry/configmaps/a', value)

  expect((await inner.get(at)).item?.value.toString()).toMatch(/^k8s:enc:aesgcm:v1:eins-ä:/)
  expect((await inner.get('/registry/configmaps/a')).item?.value).toEqual(value)
  expect((await storage.get(at)).item).toEqual({ key: at, value, revision })
  expect((await storage.list('/registry/')).items.map((item) => item.value)).toEqual([value, value])
})

test('what another key or nobody sealed is read, and is stale', async () => {
  const { inner, storage, rotate } = setup(keyOne, identity)
  await inner.create('/registry/secrets/plain', value)
  await storage.create(at, value)
  rotate(keyTwo, keyOne, identity)

  for (const key of [at, '/registry/secrets/plain']) {
    const { item } = await storage.get(key)
    expect(item).toMatchObject({ value, stale: true })
    const { revision } = await storage.update(key, value, item?.revision ?? 0)
    expect((await storage.get(key)).item).toEqual({ key, value, revision })
    expect((await inner.get(key)).item?.value.toString('latin1')).toMatch(/^k8s:enc:aesgcm:v1:two:/)
  }
})

test('without its key a value is an error that names it, and hides no others', async () => {
  const { storage, rotate } = setup(keyOne)
  await storage.create(at, value)
  rotate(keyTwo)
  await storage.create('/registry/secrets/b', value)

  const refused = await storage.get(at).catch((error: unknown) => error)
  expect(isStorageError(refused, 'unreadable')).toBe(true)
  expect((refused as Error).message).toBe(`unable to transform key "${at}": no matching prefix found`)
  const { items } = await storage.list('/registry/secrets/')
  expect(items.map((item) => item.value.equals(value))).toEqual([false, true])
})

test('a value that was moved to another key cannot be read there', async () => {
  const { inner, storage } = setup(keyOne)
  await storage.create(at, value)
  const { item } = await inner.get(at)
  await inner.create('/registry/secrets/copy', item?.value ?? Buffer.alloc(0))

  await expect(storage.get('/registry/secrets/copy')).rejects.toThrow(
    'unable to transform key "/registry/secrets/copy"',
  )
})

test('watches and conflicts show what is stored in plain', async () => {
  const { storage } = setup(keyOne)
  const { revision } = await storage.create(at, value)
  const refused = await storage.update(at, value, 1).catch((error: unknown) => error)
  expect(isStorageError(refused, 'revision-conflict') && refused.current).toEqual({
    key: at,
    value,
    revision,
  })

  const stop = new AbortController()
  for await (const { events } of storage.watch('/registry/', revision - 1, stop.signal)) {
    expect(events).toEqual([{ type: 'put', key: at, value, revision, created: true }])
    stop.abort()
  }
})
