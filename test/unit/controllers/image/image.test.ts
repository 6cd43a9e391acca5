import { describe, expect, test } from 'vitest'
import { hosts, images } from '../../../../apimachinery/client/resources.ts'
import { getCondition } from '../../../../apimachinery/conditions.ts'
import type { KubeObject } from '../../../../crds/meta/object-meta.ts'
import { anImage, aStorageDomain, type Overrides } from '../../../support/builders.ts'
import type { Host } from '../../../../crds/v1alpha1/host.ts'
import { anAttachedHost } from '../support/installation.ts'
import { world } from '../support/world.ts'

const aHostWith = (name: string, availableBytes: number, status: Overrides<Host>['status'] = {}) =>
  anAttachedHost(name, {
    status: { storageDomains: [{ name: 'default', ready: true, availableBytes }], ...status },
  })

async function settled(...objects: KubeObject[]) {
  const w = world(...objects)
  await w.settle()
  return { w, image: () => w.get(images, 'image-1') }
}

describe('an image', () => {
  test('waits for its storage domain', async () => {
    const { image } = await settled(anImage(), aHostWith('host-1', 1))
    expect((await image()).status).toMatchObject({ phase: 'Pending' })
    expect(getCondition(await image(), 'Ready')).toMatchObject({
      reason: 'StorageDomainNotFound',
      message: 'StorageDomain default does not exist',
    })
  })

  test.each([
    ['that has it', undefined],
    ['on which it works', { storageDomains: [{ name: 'default', ready: false }] }],
    ['that is ready', { conditions: [] }],
  ])('waits for a host %s', async (_what, status) => {
    const objects = status === undefined ? [] : [aHostWith('host-1', 1, status)]
    const { image, w } = await settled(anImage(), aStorageDomain(), ...objects)
    expect((await image()).status?.hostName).toBeUndefined()
    expect(getCondition(await image(), 'Ready')?.message).toBe(
      'No ready host has storage domain default attached',
    )
    w.client.seed(aHostWith('host-1', 1))
    await w.settle()
    expect((await image()).status?.hostName).toBe('host-1')
  })

  test('goes to the host with most free space, and stays there', async () => {
    const { image, w } = await settled(
      anImage(),
      aStorageDomain(),
      aHostWith('host-1', 10),
      aHostWith('host-2', 30),
      aHostWith('host-3', 20),
    )
    expect((await image()).status).toMatchObject({ hostName: 'host-2', phase: 'Pending' })
    w.client.seed(aHostWith('host-4', 1000))
    await w.settle()
    expect((await image()).status?.hostName).toBe('host-2')
  })

  test('goes to another host when the first is taken out before it was done', async () => {
    const importing = anImage({ status: { hostName: 'host-9', phase: 'Importing', progress: '42%' } })
    const { image } = await settled(importing, aStorageDomain(), aHostWith('host-1', 1))
    expect((await image()).status).toMatchObject({ hostName: 'host-1', phase: 'Pending' })
    expect((await image()).status?.progress).toBeUndefined()
  })

  test.each(['Ready', 'Failed'] as const)('that is %s is left alone', async (phase) => {
    const done = anImage({
      metadata: { finalizers: ['kvorum.dev/image'] },
      status: { hostName: 'host-9', phase },
    })
    const { image } = await settled(done, aStorageDomain(), aHostWith('host-1', 1))
    expect((await image()).status).toEqual({ hostName: 'host-9', phase, observedGeneration: 1 })
  })
})

describe('an image that is deleted', () => {
  const finalizers = ['kvorum.dev/image']
  const key = { name: 'image-1', namespace: 'default' }

  test('and is nowhere goes at once', async () => {
    const w = world(anImage({ metadata: { finalizers } }))
    await w.client.delete(images, key)
    await w.settle()
    expect(await w.find(images, 'image-1')).toBeUndefined()
  })

  test('is handed to the daemon of its host, or goes with that', async () => {
    const held = anImage({ metadata: { finalizers }, status: { hostName: 'host-1', phase: 'Ready' } })
    const w = world(held, aHostWith('host-1', 1))
    await w.client.delete(images, key)
    await w.settle()
    expect((await w.get(images, 'image-1')).status?.phase).toBe('Deleting')
    await w.client.delete(hosts, { name: 'host-1' })
    await w.settle()
    expect(await w.find(images, 'image-1')).toBeUndefined()
  })
})
