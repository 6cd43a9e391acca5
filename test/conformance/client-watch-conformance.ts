import { expect, test } from 'vitest'
import type { Client, WatchEvent } from '../../apimachinery/client/client.ts'
import { disks } from '../../apimachinery/client/resources.ts'
import type { Disk } from '../../crds/v1alpha1/disk.ts'
import { keyFor, newDisk, testNamespace } from './client-fixtures.ts'

type Seen = { type: string; name: string; version: number; size: unknown }

/** Reads a watch to the end in the background; `until` resolves once `count` objects' events were seen. */
function follow(
  client: Client,
  options: { resourceVersion: string; labelSelector?: string; fieldSelector?: string },
) {
  const controller = new AbortController()
  const seen: Seen[] = []
  let wake = () => {}
  const watch = client.watch(disks, { namespace: testNamespace, ...options, signal: controller.signal })
  const ended = (async () => {
    for await (const event of watch) {
      if (event.type === 'BOOKMARK') continue
      seen.push(summary(event))
      wake()
    }
  })()
  const until = async (count: number) => {
    while (seen.length < count) {
      await Promise.race([new Promise<void>((resolve) => (wake = resolve)), ended])
    }
    return seen
  }
  const stop = async () => {
    controller.abort()
    await ended
    return seen
  }
  return { until, stop, ended }
}

function summary({ type, object }: Extract<WatchEvent<Disk>, { object: unknown }>): Seen {
  const { name, resourceVersion } = object.metadata
  return { type, name, version: Number(resourceVersion), size: object.spec.size }
}

const types = (seen: readonly Seen[]) => seen.map(({ type, name }) => `${type} ${name}`)

export function watchConformance(client: () => Client): void {
  const now = async () => (await client().list(disks, { namespace: testNamespace })).resourceVersion

  test('tells additions, changes and deletions in order, each with its version', async () => {
    const watch = follow(client(), { resourceVersion: await now() })

    const created = await client().create(disks, newDisk('watch-1'))
    await client().update(disks, { ...created, spec: { ...created.spec, size: '2Gi' } })
    await client().delete(disks, keyFor('watch-1'))

    const seen = await watch.until(3)
    expect(types(seen)).toEqual(['ADDED watch-1', 'MODIFIED watch-1', 'DELETED watch-1'])
    expect(seen.map(({ size }) => size)).toEqual(['1Gi', '2Gi', '2Gi'])
    expect(seen[0]?.version).toBe(Number(created.metadata.resourceVersion))
    expect(seen[1]?.version).toBeGreaterThan(seen[0]?.version ?? Infinity)
    expect(seen[2]?.version).toBeGreaterThan(seen[1]?.version ?? Infinity)
    await watch.stop()
  })

  test('resumes after the version that it is given, without loss or repetition', async () => {
    const start = await now()
    const first = await client().create(disks, newDisk('watch-2a'))
    await client().create(disks, newDisk('watch-2b'))
    await client().delete(disks, keyFor('watch-2a'))

    const all = follow(client(), { resourceVersion: start })
    const rest = follow(client(), { resourceVersion: first.metadata.resourceVersion })

    expect(types(await all.until(3))).toEqual(['ADDED watch-2a', 'ADDED watch-2b', 'DELETED watch-2a'])
    expect(types(await rest.until(2))).toEqual(['ADDED watch-2b', 'DELETED watch-2a'])
    await Promise.all([all.stop(), rest.stop()])
  })

  test('with a selector tells what enters and what leaves the selection', async () => {
    const watch = follow(client(), { resourceVersion: await now(), labelSelector: 'watch=yes' })
    const label = (watch: string | null) =>
      client().patch(disks, keyFor('watch-3'), { type: 'merge', body: { metadata: { labels: { watch } } } })

    await client().create(disks, newDisk('watch-3'))
    await label('yes')
    await label('no')
    await label('yes')
    await client().delete(disks, keyFor('watch-3'))

    const seen = await watch.until(4)
    expect(types(seen)).toEqual(['ADDED watch-3', 'DELETED watch-3', 'ADDED watch-3', 'DELETED watch-3'])
    await watch.stop()
  })

  test('of a single object by name sees only that one', async () => {
    const watch = follow(client(), { resourceVersion: await now(), fieldSelector: 'metadata.name=watch-4b' })

    await client().create(disks, newDisk('watch-4a'))
    await client().create(disks, newDisk('watch-4b'))

    expect(types(await watch.until(1))).toEqual(['ADDED watch-4b'])
    await watch.stop()
  })

  test('ends quietly when its signal is aborted', async () => {
    const watch = follow(client(), { resourceVersion: await now() })

    expect(await watch.stop()).toEqual([])
  })
}
