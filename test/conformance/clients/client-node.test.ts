import {
  ApiException,
  CoreV1Api,
  CustomObjectsApi,
  KubeConfig,
  KubernetesObjectApi,
  makeInformer,
  type KubernetesObject,
  PatchStrategy,
  setHeaderOptions,
  type V1ConfigMap,
  Watch,
} from '@kubernetes/client-node'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { startTestApiServer, type TestApiServer } from '../../support/apiserver.ts'
import { aWidget, widgetCrd } from '../../integration/apiserver/widget.ts'

const namespace = 'default'
const waitMs = 20_000

let server: TestApiServer
let config: KubeConfig
let core: CoreV1Api
let custom: CustomObjectsApi
let objects: KubernetesObjectApi

beforeAll(async () => {
  server = await startTestApiServer({ storage: 'etcd' })
  config = new KubeConfig()
  config.loadFromString(server.adminKubeconfig)
  core = config.makeApiClient(CoreV1Api)
  custom = config.makeApiClient(CustomObjectsApi)
  objects = KubernetesObjectApi.makeApiClient(config)
})

afterAll(() => server.close())

const configMap = (name: string, data: Record<string, string>) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace },
  data,
})
const widgets = { group: 'test.example.org', version: 'v1', namespace, plural: 'widgets' }
const until = <T>(ask: () => T, holds: (value: T) => boolean) =>
  vi.waitUntil(() => holds(ask()), { timeout: waitMs })

describe('typed calls', () => {
  test('create, read, replace and delete', async () => {
    const created = await core.createNamespacedConfigMap({ namespace, body: configMap('typed', { a: '1' }) })
    expect(created.metadata?.creationTimestamp).toBeInstanceOf(Date)
    const replaced = await core.replaceNamespacedConfigMap({
      name: 'typed',
      namespace,
      body: Object.assign(created, { data: { a: '2' } }),
    })
    expect(replaced.data).toEqual({ a: '2' })
    const read = await core.readNamespacedConfigMap({ name: 'typed', namespace })
    expect(read).toEqual(replaced)
    const status = await core.deleteNamespacedConfigMap({ name: 'typed', namespace })
    expect(status).toMatchObject({ status: 'Success', details: { name: 'typed', kind: 'configmaps' } })
  })

  test('failures carry the Status of Kubernetes', async () => {
    const missing = core.readNamespacedConfigMap({ name: 'nope', namespace })
    await expect(missing).rejects.toThrow(ApiException)
    const failure = await missing.catch((error: unknown) => error as ApiException<string>)
    expect(JSON.parse((failure as ApiException<string>).body)).toMatchObject({
      reason: 'NotFound',
      code: 404,
    })
    const stale = { ...configMap('stale', {}), metadata: { name: 'stale', namespace, resourceVersion: '1' } }
    await core.createNamespacedConfigMap({ namespace, body: configMap('stale', {}) })
    await expect(
      core.replaceNamespacedConfigMap({ name: 'stale', namespace, body: stale }),
    ).rejects.toMatchObject({ code: 409 })
  })

  test('lists in pages', async () => {
    for (const name of ['p-1', 'p-2', 'p-3']) {
      const body = { ...configMap(name, {}), metadata: { name, labels: { page: 'yes' } } }
      await core.createNamespacedConfigMap({ namespace, body })
    }
    const names: (string | undefined)[] = []
    let _continue: string | undefined
    do {
      const page = await core.listNamespacedConfigMap({
        namespace,
        labelSelector: 'page=yes',
        limit: 2,
        ...(_continue && { _continue }),
      })
      names.push(...page.items.map(({ metadata }) => metadata?.name))
      _continue = page.metadata?._continue
    } while (_continue)
    expect(names).toEqual(['p-1', 'p-2', 'p-3'])
    await core.deleteCollectionNamespacedConfigMap({ namespace, labelSelector: 'page=yes' })
    const left = await core.listNamespacedConfigMap({ namespace, labelSelector: 'page=yes' })
    expect(left.items).toEqual([])
  })

  test('patches of every type', async () => {
    await core.createNamespacedConfigMap({ namespace, body: configMap('patched', { a: '1' }) })
    const patch = (body: object, type: string) =>
      core.patchNamespacedConfigMap(
        { name: 'patched', namespace, body },
        setHeaderOptions('Content-Type', type),
      )
    await patch([{ op: 'add', path: '/data/json', value: '1' }], PatchStrategy.JsonPatch)
    await patch({ data: { merge: '1', a: null } }, PatchStrategy.MergePatch)
    const { data } = await patch({ data: { strategic: '1' } }, PatchStrategy.StrategicMergePatch)
    expect(data).toEqual({ json: '1', merge: '1', strategic: '1' })
  })

  test('server-side apply, with a conflict and by force', async () => {
    const apply = (value: string, fieldManager: string, force = false) =>
      core.patchNamespacedConfigMap(
        { name: 'applied', namespace, fieldManager, force, body: configMap('applied', { a: value }) },
        setHeaderOptions('Content-Type', PatchStrategy.ServerSideApply),
      )
    expect((await apply('1', 'ann')).metadata?.managedFields?.map(({ manager }) => manager)).toEqual(['ann'])
    await expect(apply('2', 'ben')).rejects.toMatchObject({ code: 409 })
    expect((await apply('2', 'ben', true)).data).toEqual({ a: '2' })
  })

  test('tokens and reviews', async () => {
    await core.createNamespacedServiceAccount({ namespace, body: { metadata: { name: 'robot' } } })
    const { status } = await core.createNamespacedServiceAccountToken({
      name: 'robot',
      namespace,
      body: { spec: { audiences: [], expirationSeconds: 600 } },
    })
    expect(status?.token?.split('.')).toHaveLength(3)
  })
})

describe('custom and dynamic objects', () => {
  test('a definition is served soon after it was made', async () => {
    await objects.create(widgetCrd as unknown as KubernetesObject)
    const served = () =>
      custom.listNamespacedCustomObject(widgets).then(
        () => true,
        () => false,
      )
    await expect.poll(served, { timeout: waitMs }).toBe(true)
  })

  test('custom objects: create, patch, scale, status', async () => {
    await custom.createNamespacedCustomObject({ ...widgets, body: aWidget('one') })
    const merge = setHeaderOptions('Content-Type', PatchStrategy.MergePatch)
    const one = { ...widgets, name: 'one' }
    await custom.patchNamespacedCustomObject({ ...one, body: { spec: { color: 'blue' } } }, merge)
    await custom.patchNamespacedCustomObjectScale({ ...one, body: { spec: { replicas: 4 } } }, merge)
    await custom.patchNamespacedCustomObjectStatus({ ...one, body: { status: { replicas: 2 } } }, merge)
    expect(await custom.getNamespacedCustomObject(one)).toMatchObject({
      spec: { color: 'blue', replicas: 4 },
      status: { replicas: 2 },
    })
  })

  test('objects of any kind by discovery', async () => {
    const two = aWidget('two') as KubernetesObject
    const metadata = { name: 'two', namespace }
    await objects.create({ ...two, metadata })
    const green = { ...two, metadata, spec: { color: 'green' } } as KubernetesObject
    await objects.patch(green, undefined, undefined, 'test', undefined, PatchStrategy.MergePatch)
    await objects.patch(green, undefined, undefined, 'test', true, PatchStrategy.ServerSideApply)
    const read = await objects.read({ apiVersion: 'test.example.org/v1', kind: 'Widget', metadata })
    expect(read).toMatchObject({ spec: { color: 'green' } })
    const list = await objects.list('test.example.org/v1', 'Widget', namespace)
    expect(list.items.map((item) => item.metadata?.name)).toEqual(['one', 'two'])
    await objects.delete({ apiVersion: 'test.example.org/v1', kind: 'Widget', metadata })
  })
})

describe('watching', () => {
  test('a watch tells of every change, in order', async () => {
    const { metadata } = await core.listNamespacedConfigMap({ namespace })
    const told: string[] = []
    const watch = new Watch(config)
    const abort = await watch.watch(
      `/api/v1/namespaces/${namespace}/configmaps`,
      { resourceVersion: metadata?.resourceVersion, allowWatchBookmarks: true },
      (type, object: V1ConfigMap) => {
        if (type !== 'BOOKMARK') told.push(`${type} ${object.metadata?.name} ${object.data?.['n']}`)
      },
      () => {},
    )
    await core.createNamespacedConfigMap({ namespace, body: configMap('seen', { n: '1' }) })
    await core.replaceNamespacedConfigMap({ name: 'seen', namespace, body: configMap('seen', { n: '2' }) })
    await core.deleteNamespacedConfigMap({ name: 'seen', namespace })
    await until(
      () => told.length,
      (count) => count >= 3,
    )
    abort.abort()
    expect(told).toEqual(['ADDED seen 1', 'MODIFIED seen 2', 'DELETED seen 2'])
  })

  test('an informer keeps a copy, and starts over when it was away', async () => {
    const labels = { informed: 'yes' }
    const body = (name: string) => ({ ...configMap(name, {}), metadata: { name, namespace, labels } })
    await core.createNamespacedConfigMap({ namespace, body: body('before') })
    const informer = makeInformer<V1ConfigMap>(
      config,
      `/api/v1/namespaces/${namespace}/configmaps`,
      () => core.listNamespacedConfigMap({ namespace, labelSelector: 'informed=yes' }),
      'informed=yes',
    )
    const told: string[] = []
    for (const verb of ['add', 'update', 'delete'] as const) {
      informer.on(verb, (object) => told.push(`${verb} ${object.metadata?.name}`))
    }
    const names = () => informer.list(namespace).map(({ metadata }) => metadata?.name)
    await informer.start()
    await core.createNamespacedConfigMap({ namespace, body: body('during') })
    await until(names, (list) => list.length === 2)
    await core.patchNamespacedConfigMap(
      { name: 'during', namespace, body: { data: { a: '1' } } },
      setHeaderOptions('Content-Type', PatchStrategy.MergePatch),
    )
    await until(
      () => told,
      (list) => list.includes('update during'),
    )
    await core.deleteNamespacedConfigMap({ name: 'before', namespace })
    await until(names, (list) => list.length === 1)
    await informer.stop()

    await core.deleteNamespacedConfigMap({ name: 'during', namespace })
    await core.createNamespacedConfigMap({ namespace, body: body('after') })
    await informer.start()
    await until(names, (list) => list.length === 1 && list[0] === 'after')
    await informer.stop()
    expect(told).toEqual(expect.arrayContaining(['add before', 'add during', 'delete before', 'add after']))
  })
})
