import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTestApiServer, type TestApiServer } from '../../support/apiserver.ts'
import { ApiClient } from './api-client.ts'
import { Kubectl } from './kubectl.ts'
import { aWidget, widgetCrd, widgetsPath } from './widget.ts'

let server: TestApiServer
let kubectl: Kubectl
let api: ApiClient

beforeAll(async () => {
  server = await startTestApiServer({ storage: 'etcd' })
  kubectl = new Kubectl(server)
  api = new ApiClient(server)
})

afterAll(async () => {
  kubectl.close()
  api.close()
  await server.close()
})

const configMap = (data: object) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'settings' },
  data,
})

describe('built-in kinds', () => {
  test('there are the four namespaces of every cluster', async () => {
    const names = (await kubectl.ok('get', 'namespaces', '-o', 'name')).split('\n')
    expect(names).toEqual(
      expect.arrayContaining(
        ['default', 'kube-node-lease', 'kube-public', 'kube-system'].map((name) => `namespace/${name}`),
      ),
    )
  })

  test.each([
    [['create', 'namespace', 'team'], 'namespace/team created'],
    [['create', 'configmap', 'made', '--from-literal=a=b'], 'configmap/made created'],
    [['create', 'secret', 'generic', 'hidden', '--from-literal=a=b'], 'secret/hidden created'],
    [['create', 'serviceaccount', 'robot'], 'serviceaccount/robot created'],
    [
      ['create', 'role', 'reader', '--verb=get', '--resource=configmaps'],
      'role.rbac.authorization.k8s.io/reader created',
    ],
    [
      ['create', 'rolebinding', 'reads', '--role=reader', '--user=eve'],
      'rolebinding.rbac.authorization.k8s.io/reads created',
    ],
    [
      ['create', 'clusterrole', 'looker', '--verb=list', '--resource=secrets'],
      'clusterrole.rbac.authorization.k8s.io/looker created',
    ],
    [
      ['create', 'clusterrolebinding', 'looks', '--clusterrole=looker', '--user=eve'],
      'clusterrolebinding.rbac.authorization.k8s.io/looks created',
    ],
    [['create', 'quota', 'few', '--hard=configmaps=10'], 'resourcequota/few created'],
  ])('kubectl %j, which sends protobuf', async (args, output) => {
    expect(await kubectl.ok(...args)).toBe(output)
  })

  test('what protobuf brought reads back as it was meant', async () => {
    expect(await kubectl.ok('get', 'secret', 'hidden', '-o', 'jsonpath={.type} {.data.a}')).toBe(
      'Opaque Yg==',
    )
    expect(await kubectl.ok('get', 'role', 'reader', '-o', 'jsonpath={.rules}')).toBe(
      '[{"apiGroups":[""],"resources":["configmaps"],"verbs":["get"]}]',
    )
    expect(await kubectl.ok('get', 'clusterrolebinding', 'looks', '-o', 'jsonpath={.subjects}')).toBe(
      '[{"apiGroup":"rbac.authorization.k8s.io","kind":"User","name":"eve"}]',
    )
  })

  test('client-side apply creates, changes, and then leaves alone', async () => {
    const path = kubectl.file('cm.json', configMap({ a: '1', b: '1' }))
    expect(await kubectl.ok('apply', '-f', path)).toBe('configmap/settings created')
    kubectl.file('cm.json', configMap({ a: '2' }))
    expect(await kubectl.ok('apply', '-f', path)).toBe('configmap/settings configured')
    expect(await kubectl.ok('get', 'cm', 'settings', '-o', 'jsonpath={.data}')).toBe('{"a":"2"}')
    const before = await kubectl.ok('get', 'cm', 'settings', '-o', 'jsonpath={.metadata.resourceVersion}')
    expect(await kubectl.ok('apply', '-f', path)).toBe('configmap/settings unchanged')
    expect(await kubectl.ok('get', 'cm', 'settings', '-o', 'jsonpath={.metadata.resourceVersion}')).toBe(
      before,
    )
  })

  test('server-side apply names the owner of a field that somebody else wants', async () => {
    const mine = kubectl.file('ssa.json', { ...configMap({ x: '1' }), metadata: { name: 'shared' } })
    expect(await kubectl.ok('apply', '--server-side', '-f', mine)).toBe('configmap/shared serverside-applied')
    const theirs = kubectl.file('theirs.json', { ...configMap({ x: '2' }), metadata: { name: 'shared' } })
    const refusal = await kubectl.fails('apply', '--server-side', '--field-manager=other', '-f', theirs)
    expect(refusal).toContain('Apply failed with 1 conflict: conflict with "kubectl": .data.x')
    expect(
      await kubectl.ok('apply', '--server-side', '--field-manager=other', '--force-conflicts', '-f', theirs),
    ).toBe('configmap/shared serverside-applied')
    expect(await kubectl.ok('get', 'cm', 'shared', '-o', 'jsonpath={.data.x}')).toBe('2')
  })

  test('patches of every type', async () => {
    await kubectl.ok('patch', 'cm', 'made', '--type=merge', '-p', '{"data":{"merge":"1"}}')
    await kubectl.ok(
      'patch',
      'cm',
      'made',
      '--type=json',
      '-p',
      '[{"op":"add","path":"/data/json","value":"1"}]',
    )
    await kubectl.ok('patch', 'cm', 'made', '-p', '{"data":{"strategic":"1","a":null}}')
    expect(JSON.parse(await kubectl.ok('get', 'cm', 'made', '-o', 'jsonpath={.data}'))).toEqual({
      merge: '1',
      json: '1',
      strategic: '1',
    })
  })

  test('labels and annotations come, select, and go', async () => {
    await kubectl.ok('label', 'cm', 'made', 'tier=front')
    await kubectl.ok('annotate', 'cm', 'made', 'note=hello')
    expect(await kubectl.ok('get', 'cm', '-l', 'tier=front', '-o', 'name')).toBe('configmap/made')
    expect(await kubectl.ok('get', 'cm', '-l', 'tier!=front', '-o', 'name')).not.toContain('configmap/made')
    await kubectl.ok('label', 'cm', 'made', 'tier-')
    expect(await kubectl.ok('get', 'cm', '-l', 'tier', '-o', 'name')).toBe('')
  })

  test('edit writes what the editor leaves', async () => {
    const editor = kubectl.file('editor.sh', '#!/bin/sh\nsed -i "s/merge: \\"1\\"/merge: edited/" "$1"\n')
    const { code, stderr } = await kubectl.run(['edit', 'cm', 'made'], { env: { EDITOR: `sh ${editor}` } })
    expect([code, stderr]).toEqual([0, ''])
    expect(await kubectl.ok('get', 'cm', 'made', '-o', 'jsonpath={.data.merge}')).toBe('edited')
  })

  test('describe shows the object and its events', async () => {
    const uid = await kubectl.ok('get', 'cm', 'made', '-o', 'jsonpath={.metadata.uid}')
    const event = kubectl.file('event.json', {
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: { name: 'made.1', namespace: 'default' },
      eventTime: '2026-01-02T03:04:05.000006Z',
      reportingController: 'test',
      reportingInstance: 'test-1',
      action: 'Testing',
      reason: 'Noticed',
      note: 'somebody looked at it',
      type: 'Normal',
      regarding: { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'default', name: 'made', uid },
    })
    await kubectl.ok('create', '-f', event)
    const description = await kubectl.ok('describe', 'cm', 'made')
    expect(description).toMatch(/Noticed .*test.* somebody looked at it/)
    expect(
      await kubectl.ok('get', 'events', '--field-selector', 'involvedObject.name=made', '-o', 'name'),
    ).toBe('event/made.1')
  })

  test('unknown fields are refused, or let go of', async () => {
    const wrong = kubectl.file('wrong.json', { ...configMap({}), metadata: { name: 'wrong' }, dota: {} })
    expect(await kubectl.fails('create', '-f', wrong)).toContain('unknown field "dota"')
    const { code } = await kubectl.run(['create', '--validate=false', '-f', wrong])
    expect(code).toBe(0)
  })

  test('a dry run shows the result and keeps nothing', async () => {
    const path = kubectl.file('dry.json', { ...configMap({ a: '1' }), metadata: { name: 'dry' } })
    expect(await kubectl.ok('apply', '--dry-run=server', '-f', path)).toBe(
      'configmap/dry created (server dry run)',
    )
    expect(await kubectl.fails('get', 'cm', 'dry')).toBe(
      'Error from server (NotFound): configmaps "dry" not found',
    )
  })

  test('tables are those of Kubernetes', async () => {
    const [head = '', row = ''] = (await kubectl.ok('get', 'cm', 'made')).split('\n')
    expect(head.split(/ +/)).toEqual(['NAME', 'DATA', 'AGE'])
    expect(row.split(/ +/).slice(0, 2)).toEqual(['made', '3'])
    const [secrets = ''] = (await kubectl.ok('get', 'secrets', '-A', '-o', 'wide')).split('\n')
    expect(secrets.split(/ +/)).toEqual(['NAMESPACE', 'NAME', 'TYPE', 'DATA', 'AGE'])
  })

  test('pages of one add up to the whole', async () => {
    const whole = await kubectl.ok('get', 'clusterroles', '-o', 'name')
    expect(await kubectl.ok('get', 'clusterroles', '--chunk-size=1', '-o', 'name')).toBe(whole)
  })

  test('delete waits until a namespace is empty and gone', async () => {
    await kubectl.ok('create', 'cm', 'inside', '-n', 'team')
    expect(await kubectl.ok('delete', 'namespace', 'team')).toBe('namespace "team" deleted')
    expect(await kubectl.fails('get', 'cm', 'inside', '-n', 'team')).toContain('not found')
    expect(await kubectl.fails('create', 'cm', 'late', '-n', 'team')).toContain('namespaces "team" not found')
  })

  test('what may I do, and what may others', async () => {
    expect(await kubectl.ok('auth', 'can-i', 'delete', 'namespaces')).toBe('yes')
    expect(await kubectl.fails('auth', 'can-i', 'delete', 'configmaps', '--as=eve')).toBe('')
    expect(await kubectl.ok('auth', 'can-i', 'get', 'configmaps', '--as=eve')).toBe('yes')
    expect(await kubectl.ok('auth', 'can-i', '--list', '--as=eve')).toMatch(/configmaps +\[\] +\[\] +\[get\]/)
    expect(await kubectl.fails('get', 'secret', 'hidden', '--as=eve')).toBe(
      'Error from server (Forbidden): secrets "hidden" is forbidden: User "eve" cannot get resource "secrets" in API group "" in the namespace "default"',
    )
  })

  test('explain explains', async () => {
    expect(await kubectl.ok('explain', 'configmap.immutable')).toMatch(/FIELD: +immutable <boolean>/)
    expect(await kubectl.ok('explain', 'lease.spec', '--recursive')).toMatch(/renewTime\s+<string>/)
  })
})

describe('a custom kind', () => {
  const names = async () => (await kubectl.ok('api-resources', '-o', 'name')).split('\n')
  /** Older kubectls cannot write a subresource. */
  const writeStatus = async (patch: object) => {
    const headers = { 'content-type': 'application/merge-patch+json' }
    const { code } = await api.send('PATCH', `${widgetsPath}/one/status`, { body: patch, headers })
    expect(code).toBe(200)
  }

  test('is served as soon as its definition is established', async () => {
    await kubectl.ok('create', '-f', kubectl.file('crd.json', widgetCrd))
    await kubectl.ok('wait', '--for=condition=Established', '--timeout=10s', 'crd/widgets.test.example.org')
    expect(await names()).toContain('widgets.test.example.org')
  })

  test('takes objects, with defaults and its own columns', async () => {
    const path = kubectl.file('widget.json', aWidget('one', { parts: [{ name: 'lid' }] }))
    expect(await kubectl.ok('apply', '-f', path)).toBe('widget.test.example.org/one created')
    expect(JSON.parse(await kubectl.ok('get', 'wd', 'one', '-o', 'jsonpath={.spec}'))).toEqual({
      color: 'red',
      replicas: 1,
      parts: [{ name: 'lid', size: 3 }],
    })
    expect((await kubectl.ok('get', 'wd', '-o', 'wide')).split('\n').map((line) => line.split(/ +/))).toEqual(
      [
        ['NAME', 'COLOR', 'REPLICAS'],
        ['one', 'red', '1'],
      ],
    )
    expect(await kubectl.ok('get', 'all', '-o', 'name')).toContain('widget.test.example.org/one')
  })

  test('applied twice more, by client and by server, changes nothing', async () => {
    const version = () =>
      kubectl.ok('get', 'wd', 'one', '-o', 'jsonpath={.metadata.generation} {.metadata.resourceVersion}')
    const path = kubectl.file('widget.json', aWidget('one', { parts: [{ name: 'lid' }] }))
    const before = await version()
    await kubectl.ok('apply', '-f', path)
    await kubectl.ok('apply', '-f', path)
    expect(await version()).toBe(before)
    const other = kubectl.file('two.json', aWidget('two'))
    await kubectl.ok('apply', '--server-side', '-f', other)
    const created = await kubectl.ok('get', 'wd', 'two', '-o', 'jsonpath={.metadata.resourceVersion}')
    await kubectl.ok('apply', '--server-side', '-f', other)
    await kubectl.ok('apply', '--server-side', '-f', other)
    expect(await kubectl.ok('get', 'wd', 'two', '-o', 'jsonpath={.metadata.resourceVersion}')).toBe(created)
  })

  test('refuses what its schema forbids, with the path', async () => {
    expect(await kubectl.fails('patch', 'wd', 'one', '--type=merge', '-p', '{"spec":{"color":"pink"}}')).toBe(
      'The Widget "one" is invalid: spec.color: Unsupported value: "pink": supported values: "red", "green", "blue"',
    )
    const unknown = kubectl.file('unknown.json', aWidget('three', { colour: 'red' }))
    expect(await kubectl.fails('create', '-f', unknown)).toMatch(/unknown field "(spec\.)?colour"/)
  })

  test('counts generations for the spec and not for status or labels', async () => {
    const generation = () => kubectl.ok('get', 'wd', 'one', '-o', 'jsonpath={.metadata.generation}')
    await kubectl.ok('label', 'wd', 'one', 'a=b')
    await writeStatus({ status: { replicas: 1 }, spec: { color: 'blue' } })
    expect(await generation()).toBe('1')
    expect(await kubectl.ok('get', 'wd', 'one', '-o', 'jsonpath={.spec.color} {.status.replicas}')).toBe(
      'red 1',
    )
    await kubectl.ok(
      'patch',
      'wd',
      'one',
      '--type=merge',
      '-p',
      '{"spec":{"color":"green"},"status":{"replicas":7}}',
    )
    expect(
      await kubectl.ok('get', 'wd', 'one', '-o', 'jsonpath={.metadata.generation} {.status.replicas}'),
    ).toBe('2 1')
  })

  test('scales', async () => {
    expect(await kubectl.ok('scale', 'wd', 'one', '--replicas=3')).toBe('widget.test.example.org/one scaled')
    expect(await kubectl.ok('scale', 'wd', 'one', '--replicas=4', '--current-replicas=3')).toBe(
      'widget.test.example.org/one scaled',
    )
    expect(await kubectl.ok('get', 'wd', 'one', '-o', 'jsonpath={.spec.replicas}')).toBe('4')
  })

  test('is waited for and selected by its own fields', async () => {
    const waiting = kubectl.ok('wait', '--for=condition=Ready', '--timeout=20s', 'wd/one')
    await writeStatus({ status: { conditions: [{ type: 'Ready', status: 'True' }] } })
    expect(await waiting).toBe('widget.test.example.org/one condition met')
    expect(await kubectl.ok('get', 'wd', '--field-selector', 'spec.color=green', '-o', 'name')).toBe(
      'widget.test.example.org/one',
    )
    expect(await kubectl.fails('get', 'wd', '--field-selector', 'spec.replicas=4')).toContain(
      'field label not supported: spec.replicas',
    )
  })

  test('explain and diff know it', async () => {
    expect(await kubectl.ok('explain', 'widget.spec.color')).toContain('What it looks like.')
    const path = kubectl.file('two.json', aWidget('two', { color: 'blue' }))
    const { code, stdout } = await kubectl.run(['diff', '--server-side', '-f', path])
    expect(code).toBe(1)
    expect(stdout).toContain('-  color: red\n+  color: blue')
  })

  test('goes with its definition, and its objects with it', async () => {
    await kubectl.ok('delete', 'crd', 'widgets.test.example.org')
    expect(await names()).not.toContain('widgets.test.example.org')
    const { items } = await server.storage.list('/registry/test.example.org/')
    expect(items).toEqual([])
  })
})
