import { expect, test } from 'vitest'
import type { Client } from '../../apimachinery/client/client.ts'
import { disks, virtualMachines } from '../../apimachinery/client/resources.ts'
import { hasReason } from '../../apimachinery/status-error.ts'
import type { VirtualMachine } from '../../crds/v1alpha1/virtual-machine.ts'
import { failure, keyFor, newDisk } from './client-fixtures.ts'

export function deleteConformance(client: () => Client): void {
  test('removes the object', async () => {
    await client().create(disks, newDisk('delete-1'))

    await client().delete(disks, keyFor('delete-1'))

    expect(await failure(client().get(disks, keyFor('delete-1')))).toMatchObject({ reason: 'NotFound' })
    expect(await failure(client().delete(disks, keyFor('delete-1')))).toMatchObject({ reason: 'NotFound' })
  })

  test('with another uid or version fails with Conflict and deletes nothing', async () => {
    const { metadata } = await client().create(disks, newDisk('delete-2'))
    const remove = (preconditions: object) => client().delete(disks, keyFor('delete-2'), { preconditions })

    const otherUid = await failure(remove({ uid: '00000000-0000-4000-8000-000000000000' }))
    const otherVersion = await failure(remove({ resourceVersion: '1' }))

    expect([otherUid.reason, otherVersion.reason]).toEqual(['Conflict', 'Conflict'])
    await remove({ uid: metadata.uid, resourceVersion: metadata.resourceVersion })
  })

  test('waits for finalizers, admits no new ones and ends with the last', async () => {
    await client().create(disks, newDisk('delete-3', '1Gi', { finalizers: ['kvorum.dev/test'] }))
    await client().delete(disks, keyFor('delete-3'))
    const patch = (finalizers: string[]) =>
      client().patch(disks, keyFor('delete-3'), { type: 'merge', body: { metadata: { finalizers } } })

    const deleting = await client().get(disks, keyFor('delete-3'))
    const refused = await failure(patch(['kvorum.dev/test', 'kvorum.dev/another']))
    await patch([])

    expect(deleting.metadata.deletionTimestamp).toBeTruthy()
    expect(deleting.metadata.generation).toBe(2)
    expect(refused).toMatchObject({ reason: 'Invalid', code: 422 })
    expect(await failure(client().get(disks, keyFor('delete-3')))).toMatchObject({ reason: 'NotFound' })
  })

  test('of an owner deletes what it owns', async () => {
    const { owner, dependent } = await anOwnerWithDependent(client(), 'gc-1')

    await client().delete(virtualMachines, keyFor(owner), { propagationPolicy: 'Background' })

    await expect
      .poll(
        () =>
          client()
            .get(disks, keyFor(dependent))
            .catch((error: unknown) => hasReason(error, 'NotFound')),
        { timeout: 10_000 },
      )
      .toBe(true)
  })

  test('with Orphan leaves what it owns, without the reference', async () => {
    const { owner, dependent } = await anOwnerWithDependent(client(), 'gc-2')

    await client().delete(virtualMachines, keyFor(owner), { propagationPolicy: 'Orphan' })

    await expect
      .poll(async () => (await client().get(disks, keyFor(dependent))).metadata.ownerReferences, {
        timeout: 10_000,
      })
      .toBeUndefined()
  })
}

async function anOwnerWithDependent(client: Client, name: string) {
  const vm = await client.create(virtualMachines, {
    apiVersion: 'kvorum.dev/v1alpha1',
    kind: 'VirtualMachine',
    metadata: keyFor(name),
    spec: { memory: { size: '1Gi' } } as VirtualMachine['spec'],
  })
  const { apiVersion, kind, metadata } = vm
  const ownerReferences = [{ apiVersion, kind, name, uid: metadata.uid, controller: true }]
  const dependent = `${name}-disk`
  await client.create(disks, newDisk(dependent, '1Gi', { ownerReferences }))
  return { owner: name, dependent }
}
