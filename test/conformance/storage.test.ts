import { describe } from 'vitest'
import { systemClock } from '../../apimachinery/clock.ts'
import { etcdStorage } from '../../apiserver/storage/etcd/etcd-storage.ts'
import { memoryStorage } from '../../apiserver/storage/memory/memory-storage.ts'
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

describe('etcd storage on a bad connection', () => {
  etcdFaults()
})

describe('etcd storage on three members', () => {
  etcdFailover()
})
