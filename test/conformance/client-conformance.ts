import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Client } from '../../apimachinery/client/client.ts'
import { disks, leases, namespaces } from '../../apimachinery/client/resources.ts'
import { deleteConformance } from './client-delete-conformance.ts'
import { failure, keyFor, newDisk, testNamespace } from './client-fixtures.ts'
import { watchConformance } from './client-watch-conformance.ts'

/** A client under test, and how to end it and its server. */
export interface ClientUnderTest {
  readonly client: Client
  close(): Promise<void>
}

/** What every implementation of `Client` must do; each test works in a namespace or under names of its own. */
export function clientConformance(name: string, open: () => Promise<ClientUnderTest>): void {
  describe(`${name} is a Client`, () => {
    let under: ClientUnderTest | undefined
    const client = () => {
      if (under === undefined) throw new Error('not open')
      return under.client
    }
    beforeAll(async () => {
      under = await open()
      const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: testNamespace } }
      await under.client.create(namespaces, namespace)
    })
    afterAll(() => under?.close())

    describe('create', () => {
      createConformance(client)
    })
    describe('get and list', () => {
      readConformance(client)
    })
    describe('update', () => {
      updateConformance(client)
    })
    describe('patch', () => {
      patchConformance(client)
    })
    describe('delete', () => {
      deleteConformance(client)
    })
    describe('watch', () => {
      watchConformance(client)
    })
  })
}

function createConformance(client: () => Client): void {
  test('gives uid, version, generation and time of creation, and fills in defaults', async () => {
    const disk = await client().create(disks, newDisk('create-1'))

    expect(disk.metadata).toMatchObject({ name: 'create-1', namespace: testNamespace, generation: 1 })
    expect(disk.metadata.uid).toMatch(/^[0-9a-f-]{36}$/)
    expect(Number(disk.metadata.resourceVersion)).toBeGreaterThan(0)
    expect(disk.metadata.creationTimestamp).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
    expect(disk.spec).toEqual({
      size: '1Gi',
      storageDomain: { name: 'default' },
      format: 'qcow2',
      provisioning: 'Thin',
    })
  })

  test('leaves out the status that it is given', async () => {
    const disk = await client().create(disks, { ...newDisk('create-2'), status: { phase: 'Ready' } })

    expect(disk.status).toBeUndefined()
  })

  test('of a name that is taken fails with AlreadyExists', async () => {
    await client().create(disks, newDisk('create-3'))

    const error = await failure(client().create(disks, newDisk('create-3')))

    expect(error).toMatchObject({ reason: 'AlreadyExists', code: 409 })
    expect(error.message).toBe('disks.kvorum.dev "create-3" already exists')
    expect(error.details).toMatchObject({ name: 'create-3', group: 'kvorum.dev', kind: 'disks' })
  })

  test('of what the schema forbids fails with Invalid and names the field', async () => {
    const error = await failure(client().create(disks, newDisk('create-4', 'much')))

    expect(error).toMatchObject({ reason: 'Invalid', code: 422 })
    expect(error.details?.causes?.map(({ field }) => field)).toContain('spec.size')
  })

  test('makes a name of generateName', async () => {
    const disk = newDisk('', '1Gi', { generateName: 'made-' })

    const { metadata } = await client().create(disks, disk)

    expect(metadata.name).toMatch(/^made-[a-z0-9]{5}$/)
  })

  test('with dryRun answers and stores nothing', async () => {
    const disk = await client().create(disks, newDisk('create-5'), { dryRun: true })

    expect(disk.metadata.uid).toBeTruthy()
    expect(await failure(client().get(disks, keyFor('create-5')))).toMatchObject({ reason: 'NotFound' })
  })
}

function readConformance(client: () => Client): void {
  test('get of what is not there fails with NotFound', async () => {
    const error = await failure(client().get(disks, keyFor('nowhere')))

    expect(error).toMatchObject({ reason: 'NotFound', code: 404 })
    expect(error.message).toBe('disks.kvorum.dev "nowhere" not found')
  })

  test('list selects by namespace, label and field, and each item names its kind', async () => {
    await client().create(disks, newDisk('list-a', '1Gi', { labels: { list: 'yes', tier: 'a' } }))
    await client().create(disks, newDisk('list-b', '1Gi', { labels: { list: 'yes', tier: 'b' } }))
    const names = async (options: object) => {
      const { items } = await client().list(disks, { namespace: testNamespace, ...options })
      expect(
        items.every(({ kind, apiVersion }) => kind === 'Disk' && apiVersion === 'kvorum.dev/v1alpha1'),
      ).toBe(true)
      return items.map(({ metadata }) => metadata.name)
    }

    expect(await names({ labelSelector: 'list=yes' })).toEqual(['list-a', 'list-b'])
    expect(await names({ labelSelector: 'list=yes,tier notin (a)' })).toEqual(['list-b'])
    expect(await names({ labelSelector: 'list', fieldSelector: 'metadata.name=list-a' })).toEqual(['list-a'])
    expect(await names({ labelSelector: 'list', fieldSelector: 'spec.storageDomain.name!=default' })).toEqual(
      [],
    )
    expect(await names({ namespace: 'elsewhere', labelSelector: 'list' })).toEqual([])
  })

  test('list by a field that cannot be selected by fails with BadRequest', async () => {
    const error = await failure(client().list(disks, { fieldSelector: 'spec.size=1Gi' }))

    expect(error).toMatchObject({ reason: 'BadRequest', code: 400 })
  })

  test('what is returned belongs to the caller', async () => {
    await client().create(disks, newDisk('own-1'))
    const first = await client().get(disks, keyFor('own-1'))

    first.spec.size = '9Gi'

    expect((await client().get(disks, keyFor('own-1'))).spec.size).toBe('1Gi')
  })
}

function updateConformance(client: () => Client): void {
  test('of the spec moves generation and version, and keeps identity and status', async () => {
    const created = await client().create(disks, newDisk('update-1'))
    const withStatus = await client().update(
      disks,
      { ...created, status: { phase: 'Provisioning' } },
      { subresource: 'status' },
    )

    const updated = await client().update(disks, {
      ...withStatus,
      metadata: { ...withStatus.metadata, labels: { a: 'b' } },
      spec: { ...withStatus.spec, size: '2Gi' },
      status: { phase: 'Failed' },
    })

    expect(updated.metadata).toMatchObject({ uid: created.metadata.uid, generation: 2, labels: { a: 'b' } })
    expect(Number(updated.metadata.resourceVersion)).toBeGreaterThan(Number(created.metadata.resourceVersion))
    expect(updated.spec.size).toBe('2Gi')
    expect(updated.status).toEqual({ phase: 'Provisioning' })
  })

  test('of the status changes nothing else', async () => {
    const created = await client().create(disks, newDisk('update-2'))

    const updated = await client().update(
      disks,
      { ...created, spec: { ...created.spec, size: '5Gi' }, status: { phase: 'Ready' } },
      { subresource: 'status' },
    )

    expect(updated.status).toEqual({ phase: 'Ready' })
    expect(updated.spec.size).toBe('1Gi')
    expect(updated.metadata.generation).toBe(1)
  })

  test('that changes nothing keeps the version', async () => {
    const created = await client().create(disks, newDisk('update-3'))

    const updated = await client().update(disks, created)

    expect(updated.metadata.resourceVersion).toBe(created.metadata.resourceVersion)
  })

  test('of an old version fails with Conflict', async () => {
    const created = await client().create(disks, newDisk('update-4'))
    await client().update(disks, { ...created, spec: { ...created.spec, size: '2Gi' } })

    const error = await failure(
      client().update(disks, { ...created, spec: { ...created.spec, size: '3Gi' } }),
    )

    expect(error).toMatchObject({ reason: 'Conflict', code: 409 })
    expect(error.message).toBe(
      'Operation cannot be fulfilled on disks.kvorum.dev "update-4": the object has been modified; please apply your changes to the latest version and try again',
    )
  })

  test('of what is not there fails with NotFound', async () => {
    const created = await client().create(disks, newDisk('update-5'))
    await client().delete(disks, keyFor('update-5'))

    expect(await failure(client().update(disks, created))).toMatchObject({ reason: 'NotFound', code: 404 })
  })

  test('works for a kind without status', async () => {
    const lease = {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name: 'update-6', namespace: testNamespace },
      spec: { holderIdentity: 'a', leaseDurationSeconds: 4, renewTime: '2026-01-01T00:00:00.000000Z' },
    }
    const created = await client().create(leases, lease)

    const updated = await client().update(leases, {
      ...created,
      spec: { ...created.spec, holderIdentity: 'b' },
    })

    expect(updated.spec).toEqual({ ...lease.spec, holderIdentity: 'b' })
    expect(await failure(client().update(leases, created))).toMatchObject({ reason: 'Conflict' })
  })
}

function patchConformance(client: () => Client): void {
  test('a merge patch changes what it names, and null removes', async () => {
    await client().create(disks, newDisk('patch-1', '1Gi', { labels: { a: '1', b: '2' } }))

    const body = { metadata: { labels: { a: null, c: '3' } }, spec: { size: '2Gi' } }
    const patched = await client().patch(disks, keyFor('patch-1'), { type: 'merge', body })

    expect(patched.metadata.labels).toEqual({ b: '2', c: '3' })
    expect(patched.spec).toMatchObject({ size: '2Gi', format: 'qcow2' })
    expect(patched.metadata.generation).toBe(2)
  })

  test('a merge patch of the status with the version in it is an optimistic lock', async () => {
    const { metadata } = await client().create(disks, newDisk('patch-2'))
    const setPhase = (phase: string) =>
      client().patch(
        disks,
        keyFor('patch-2'),
        {
          type: 'merge',
          body: { metadata: { resourceVersion: metadata.resourceVersion }, status: { phase } },
        },
        { subresource: 'status' },
      )

    const patched = await setPhase('Provisioning')
    const error = await failure(setPhase('Ready'))

    expect(patched.status).toEqual({ phase: 'Provisioning' })
    expect(patched.metadata.generation).toBe(1)
    expect(error).toMatchObject({ reason: 'Conflict', code: 409 })
  })

  test('a JSON patch changes what it names', async () => {
    await client().create(disks, newDisk('patch-3', '1Gi', { labels: { a: '1' } }))

    const body = [
      { op: 'test', path: '/metadata/labels/a', value: '1' },
      { op: 'replace', path: '/metadata/labels/a', value: '2' },
    ]
    const patched = await client().patch(disks, keyFor('patch-3'), { type: 'json', body })

    expect(patched.metadata.labels).toEqual({ a: '2' })
  })

  test('a JSON patch that does not fit fails with Invalid', async () => {
    await client().create(disks, newDisk('patch-4'))

    const body = [{ op: 'remove', path: '/metadata/labels/none' }]
    const error = await failure(client().patch(disks, keyFor('patch-4'), { type: 'json', body }))

    expect(error).toMatchObject({ reason: 'Invalid', code: 422 })
  })

  test('of what is not there fails with NotFound', async () => {
    const call = client().patch(disks, keyFor('patch-none'), { type: 'merge', body: { spec: {} } })

    expect(await failure(call)).toMatchObject({ reason: 'NotFound', code: 404 })
  })

  test('apply creates, changes, and takes back what is no longer applied', async () => {
    const apply = (spec: object, labels: object) =>
      client().patch(
        disks,
        keyFor('apply-1'),
        { type: 'apply', body: { ...newDisk('apply-1'), metadata: { ...keyFor('apply-1'), labels }, spec } },
        { fieldManager: 'one' },
      )

    const created = await apply({ size: '1Gi' }, { a: '1', b: '2' })
    const changed = await apply({ size: '2Gi' }, { a: '1' })
    const same = await apply({ size: '2Gi' }, { a: '1' })

    expect(created.metadata.generation).toBe(1)
    expect(changed.metadata).toMatchObject({ uid: created.metadata.uid, generation: 2, labels: { a: '1' } })
    expect(changed.spec).toMatchObject({ size: '2Gi', format: 'qcow2' })
    expect(same.metadata.resourceVersion).toBe(changed.metadata.resourceVersion)
  })

  test("apply of another manager's field fails with Conflict, unless forced", async () => {
    const apply = (manager: string, size: string, force: boolean) =>
      client().patch(
        disks,
        keyFor('apply-2'),
        { type: 'apply', body: newDisk('apply-2', size), force },
        { fieldManager: manager },
      )
    await apply('one', '1Gi', false)

    const error = await failure(apply('two', '2Gi', false))
    const forced = await apply('two', '2Gi', true)

    expect(error).toMatchObject({ reason: 'Conflict', code: 409 })
    expect(error.details?.causes?.[0]).toMatchObject({ reason: 'FieldManagerConflict', field: '.spec.size' })
    expect(forced.spec.size).toBe('2Gi')
  })
}
