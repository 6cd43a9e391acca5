import { describe } from 'vitest'
import { systemClock } from '../../apimachinery/clock.ts'
import { encryptedStorage } from '../../apiserver/storage/encrypted/encrypted-storage.ts'
import { EncryptionConfig } from '../../apiserver/storage/encrypted/encryption-config.ts'
import { resourceOfKeys } from '../../apiserver/storage/encrypted/resource-of-key.ts'
import { aesGcm } from '../../apiserver/storage/encrypted/transformer.ts'
import { etcd3Member } from '../../apiserver/storage/etcd/etcd3/etcd3-member.ts'
import { etcdStorage } from '../../apiserver/storage/etcd/etcd-storage.ts'
import { http2Member } from '../../apiserver/storage/etcd/http2/http2-member.ts'
import { memoryStorage } from '../../apiserver/storage/memory/memory-storage.ts'
import type { Storage } from '../../apiserver/storage/storage.ts'
import { startEtcd } from '../support/etcd.ts'
import { storageConformance } from './storage-conformance.ts'
import { etcdFailover, etcdFaults } from './storage-faults.ts'

describe('memory storage', () => {
  storageConformance(async () => {
    const storage = memoryStorage()
    return { storage, close: () => storage.close() }
  })
})

describe('etcd storage', () => {
  storageConformance(async () => {
    const etcd = await startEtcd()
    const storage = etcdStorage({ endpoints: etcd.endpoints, clock: systemClock })
    return {
      storage,
      async close() {
        await storage.close()
        await etcd.stop()
      },
    }
  })
})

describe('etcd storage through the package etcd3', () => {
  storageConformance(async () => {
    const etcd = await startEtcd()
    const storage = etcdStorage({ endpoints: etcd.endpoints, clock: systemClock, connect: etcd3Member })
    return {
      storage,
      async close() {
        await storage.close()
        await etcd.stop()
      },
    }
  })
})

/** Everything sealed, whatever it belongs to. */
function sealed(inner: Storage): Storage {
  const config = new EncryptionConfig(new Map([['*.*', [aesGcm('key', Buffer.alloc(32, 7))]]]))
  return encryptedStorage(inner, { resourceOf: resourceOfKeys([]), config: () => config })
}

describe('encrypted storage in memory', () => {
  storageConformance(async () => {
    const storage = sealed(memoryStorage())
    return { storage, close: () => storage.close() }
  })
})

describe('encrypted storage on etcd', () => {
  storageConformance(async () => {
    const etcd = await startEtcd()
    const storage = sealed(etcdStorage({ endpoints: etcd.endpoints, clock: systemClock }))
    return {
      storage,
      async close() {
        await storage.close()
        await etcd.stop()
      },
    }
  })
})

describe.each([
  { library: 'our own client', connect: http2Member },
  { library: 'the package etcd3', connect: etcd3Member },
])('etcd storage through $library', ({ connect }) => {
  describe('on a bad connection', () => {
    etcdFaults(connect)
  })
  describe('on three members', () => {
    etcdFailover(connect)
  })
})
