import { monitorEventLoopDelay } from 'node:perf_hooks'
import { systemClock } from '../../apimachinery/clock.ts'
import { silentLogger } from '../../apimachinery/log.ts'
import { watchCache } from '../../apiserver/cache/watch-cache.ts'
import { etcdStorage } from '../../apiserver/storage/etcd/etcd-storage.ts'
import type { Storage } from '../../apiserver/storage/storage.ts'
import { startEtcd } from '../support/etcd.ts'

/**
 * What storage and watch cache cost on a real etcd: `node test/bench/storage.ts [objects]`, 50,000 objects of 1.5 KB
 * by default. Prints CPU of this process and the longest time the event loop was held up.
 */
const prefix = '/registry/kvorum.dev/virtualmachines/'
const objects = Number(process.argv[2] ?? 50_000)
const never = new AbortController().signal

function vm(index: number, n: number): [key: string, value: Buffer] {
  const name = `vm-${String(index).padStart(6, '0')}`
  const disks = Array.from({ length: 8 }, (_, disk) => ({
    name: `disk-${disk}`,
    sizeMiB: 10_240,
    bus: 'virtio',
    cache: 'none',
  }))
  const object = {
    apiVersion: 'kvorum.dev/v1alpha1',
    kind: 'VirtualMachine',
    metadata: { name, namespace: 'default', uid: name, labels: { app: 'bench', shard: String(index % 100) } },
    spec: { n, cpus: 4, memoryMiB: 8192, disks, notes: 'x'.repeat(500) },
  }
  return [`${prefix}default/${name}`, Buffer.from(JSON.stringify(object))]
}

async function measure(what: string, operations: number, action: () => Promise<unknown>): Promise<void> {
  const delay = monitorEventLoopDelay({ resolution: 1 })
  const cpu = process.cpuUsage()
  const wall = performance.now()
  delay.enable()
  await action()
  delay.disable()
  const { user, system } = process.cpuUsage(cpu)
  const each = (user + system) / operations
  const seconds = (performance.now() - wall) / 1000
  console.log(
    `${what.padEnd(44)} ${each.toFixed(1).padStart(9)} µs CPU each ${(operations / seconds).toFixed(0).padStart(8)}/s` +
      `  loop held ${(delay.max / 1e6).toFixed(1)} ms at most`,
  )
}

async function inParallel(count: number, action: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0
  const worker = async () => {
    while (next < count) await action(next++)
  }
  await Promise.all(Array.from({ length: 64 }, worker))
}

async function benchStorage(storage: Storage): Promise<number[]> {
  const revisions: number[] = []
  await measure('create, 64 at a time', objects, () =>
    inParallel(objects, async (index) => {
      revisions[index] = (await storage.create(...vm(index, 0))).revision
    }),
  )
  await measure('get, 64 at a time', 10_000, () =>
    inParallel(10_000, (index) => storage.get(vm(index % objects, 0)[0])),
  )
  return revisions
}

async function benchCache(storage: Storage, revisions: number[]): Promise<void> {
  const caches = watchCache({ storage, clock: systemClock, log: silentLogger })
  const heap = process.memoryUsage()
  await measure(`open the cache`, objects, () => caches.open(prefix, never))
  const grown = process.memoryUsage()
  const resource = await caches.open(prefix, never)
  let seen = 0
  resource.subscribe(prefix, resource.revision, {
    onEvents: (events) => void (seen += events.length),
    onReset() {},
  })
  await measure('update seen by the cache, 64 at a time', 10_000, async () => {
    await inParallel(10_000, (index) => storage.update(...vm(index, 1), revisions[index] ?? 0))
    await resource.waitFor(await caches.consistentRevision(never), never)
  })
  await measure('list all', 100, async () => {
    for (let round = 0; round < 100; round++) {
      resource.list(prefix)
      await Promise.resolve()
    }
  })
  await measure('consistent revision, 64 at a time', 20_000, () =>
    inParallel(20_000, () => caches.consistentRevision(never)),
  )
  const bytes = grown.heapUsed + grown.external - heap.heapUsed - heap.external
  console.log(`memory per object ${(bytes / objects / 1024).toFixed(1)} KB, events seen ${seen}`)
  await caches.close()
}

const etcd = await startEtcd()
const storage = etcdStorage({ endpoints: etcd.endpoints, clock: systemClock })
try {
  await benchCache(storage, await benchStorage(storage))
} finally {
  await storage.close()
  await etcd.stop()
}
