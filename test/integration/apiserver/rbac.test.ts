import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startEtcd, type EtcdServer } from '../../support/etcd.ts'
import { startTestApiServer, type TestApiServer } from '../../support/apiserver.ts'
import { ApiClient, type ApiBody } from './api-client.ts'
import { Kubectl } from './kubectl.ts'
import { binding, clusterRole, role } from './rbac-objects.ts'

const rbac = '/apis/rbac.authorization.k8s.io/v1'
const ann = { as: { token: 'ann-token' } } as const

let directory = ''
let etcd: EtcdServer
let server: TestApiServer
let api: ApiClient
let kubectl: Kubectl

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kvorum-rbac-'))
  await writeFile(join(directory, 'tokens.csv'), 'ann-token,ann,,people\nbob-token,bob,,\n')
  etcd = await startEtcd()
  await start()
})

afterAll(async () => {
  await stop()
  await etcd?.stop()
  await rm(directory, { recursive: true, force: true })
})

async function start(): Promise<void> {
  const flags = { 'token-auth-file': join(directory, 'tokens.csv') }
  server = await startTestApiServer({ storage: { endpoints: etcd.endpoints }, flags })
  api = new ApiClient(server)
  kubectl = new Kubectl(server)
}

async function stop(): Promise<void> {
  api?.close()
  kubectl?.close()
  await server?.close()
}

async function namespace(name: string): Promise<string> {
  await api.post('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name } })
  return `${rbac}/namespaces/${name}`
}

/** Grants `user` the cluster role in the namespace. */
async function grant(at: string, roleName: string, user = 'ann'): Promise<void> {
  const { code } = await api.post(
    `${at}/rolebindings`,
    binding(`${user}-${roleName.replaceAll(':', '-')}`, roleName, user),
  )
  expect(code).toBe(201)
}

async function review(user: string, resourceAttributes: object): Promise<ApiBody> {
  const { body } = await api.post('/apis/authorization.k8s.io/v1/subjectaccessreviews', {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SubjectAccessReview',
    spec: { user, resourceAttributes },
  })
  return body.status
}

const secrets = { apiGroups: [''], resources: ['secrets'], verbs: ['get', 'list'] }
const configMaps = { apiGroups: [''], resources: ['configmaps'], verbs: ['get'] }

describe('nobody grants more than they have', () => {
  let at = ''

  beforeAll(async () => {
    at = await namespace('escalation')
    await api.post(
      `${rbac}/clusterroles`,
      clusterRole('role-writer', [
        {
          apiGroups: ['rbac.authorization.k8s.io'],
          resources: ['*'],
          verbs: ['get', 'create', 'update', 'patch'],
        },
        configMaps,
      ]),
    )
    await api.post(`${rbac}/clusterroles`, clusterRole('secret-reader', [secrets]))
    await grant(at, 'role-writer')
  })

  test('a role with rights that its writer has is made', async () => {
    const made = async () => (await api.post(`${at}/roles`, role('held', [configMaps]), ann)).code
    await expect.poll(made).toBe(201)
  })

  test('a role with others is refused, and says which', async () => {
    const { code, body } = await api.post(`${at}/roles`, role('more', [secrets, configMaps]), ann)
    expect(code).toBe(403)
    expect(body).toMatchObject({
      reason: 'Forbidden',
      message:
        'roles.rbac.authorization.k8s.io "more" is forbidden: user "ann" (groups=["people" "system:authenticated"]) ' +
        'is attempting to grant RBAC permissions not currently held:\n' +
        '{APIGroups:[""], Resources:["secrets"], Verbs:["get" "list"]}',
      details: { name: 'more', group: 'rbac.authorization.k8s.io', kind: 'roles' },
    })
  })

  test('an update, a patch and an apply are checked as well', async () => {
    await api.post(`${at}/roles`, role('grows', [configMaps]))
    const path = `${at}/roles/grows`
    const answers = [
      await api.put(path, role('grows', [secrets]), ann),
      await api.patch(path, 'merge', { rules: [secrets] }, ann),
      await api.patch(`${path}?fieldManager=x&force=true`, 'apply', role('grows', [secrets]), ann),
      await api.patch(`${at}/roles/fresh?fieldManager=x`, 'apply', role('fresh', [secrets]), ann),
    ]
    expect(answers.map(({ code }) => code)).toEqual([403, 403, 403, 403])
    expect((await api.get(path)).body.rules).toEqual([configMaps])
  })

  test('finalizers and owners of a role that holds more may be changed', async () => {
    await api.post(`${at}/roles`, role('held-up', [secrets]))
    const path = `${at}/roles/held-up`
    const finalizers = { metadata: { finalizers: ['example.com/wait'] } }
    expect((await api.patch(path, 'merge', finalizers, ann)).code).toBe(200)
    expect((await api.patch(path, 'merge', { metadata: { labels: { a: 'b' } } }, ann)).code).toBe(403)
    await api.patch(path, 'merge', { metadata: { finalizers: null } })
  })

  test('a binding of a role with more rights is refused, until its writer may bind that role', async () => {
    const { code, body } = await api.post(`${at}/rolebindings`, binding('b', 'secret-reader', 'bob'), ann)
    expect(code).toBe(403)
    expect(body.message).toContain('rolebindings.rbac.authorization.k8s.io "b" is forbidden: user "ann"')
    expect(body.message).toContain('{APIGroups:[""], Resources:["secrets"], Verbs:["get" "list"]}')

    await api.post(
      `${at}/roles`,
      role('binder', [
        {
          apiGroups: ['rbac.authorization.k8s.io'],
          resources: ['clusterroles'],
          resourceNames: ['secret-reader'],
          verbs: ['bind'],
        },
      ]),
    )
    await api.post(`${at}/rolebindings`, binding('binder', 'binder', 'ann', 'Role'))
    await expect
      .poll(
        async () => (await api.post(`${at}/rolebindings`, binding('b', 'secret-reader', 'bob'), ann)).code,
      )
      .toBe(201)
  })

  test('a binding of a role that does not exist is refused', async () => {
    const { code, body } = await api.post(`${at}/rolebindings`, binding('c', 'nothing', 'bob'), ann)
    expect(code).toBe(404)
    expect(body.message).toBe('clusterroles.rbac.authorization.k8s.io "nothing" not found')
  })

  test('the role of a binding cannot be changed', async () => {
    await api.post(`${at}/rolebindings`, binding('fixed', 'view', 'bob'))
    const { code, body } = await api.put(`${at}/rolebindings/fixed`, binding('fixed', 'edit', 'bob'))
    expect(code).toBe(422)
    expect(body.message).toContain('cannot change roleRef')
  })

  test('who may escalate writes any role', async () => {
    const other = await namespace('escalation-allowed')
    await grant(other, 'role-writer')
    await api.post(
      `${other}/roles`,
      role('escalator', [
        { apiGroups: ['rbac.authorization.k8s.io'], resources: ['roles'], verbs: ['escalate'] },
      ]),
    )
    await api.post(`${other}/rolebindings`, binding('escalator', 'escalator', 'ann', 'Role'))
    await expect
      .poll(async () => (await api.post(`${other}/roles`, role('any', [secrets]), ann)).code)
      .toBe(201)
  })

  test('only who has everything writes collecting roles', async () => {
    await kubectl.ok('create', 'clusterrolebinding', 'ann-writes', '--clusterrole=role-writer', '--user=ann')
    const collecting = {
      ...clusterRole('collecting', []),
      aggregationRule: { clusterRoleSelectors: [{ matchLabels: { a: 'b' } }] },
    }
    await expect
      .poll(async () => (await api.post(`${rbac}/clusterroles`, collecting, ann)).body.message)
      .toBe(
        'clusterroles.rbac.authorization.k8s.io "collecting" is forbidden: ' +
          'must have cluster-admin privileges to use the aggregationRule',
      )
    await kubectl.ok('delete', 'clusterrolebinding', 'ann-writes')
  })
})

describe('default roles', () => {
  const rulesOf = async (name: string): Promise<ApiBody[]> =>
    (await api.get(`${rbac}/clusterroles/${name}`)).body.rules ?? []

  test('admin, edit and view hold what their parts hold', async () => {
    const view = await rulesOf('view')
    const edit = await rulesOf('edit')
    const admin = await rulesOf('admin')
    for (const rule of view) expect(edit).toContainEqual(rule)
    for (const rule of edit) expect(admin).toContainEqual(rule)
    expect(view.some(({ resources }) => resources.includes('virtualmachines'))).toBe(true)
    expect(JSON.stringify(view)).not.toContain('secrets')
    expect(JSON.stringify(view)).not.toContain('console')
    for (const part of ['console', 'screenshot', 'vnc'])
      expect(JSON.stringify(edit)).toContain(`virtualmachineinstances/${part}`)
    expect(JSON.stringify(admin)).toContain('rolebindings')
  })

  test('a role with the label joins, its changes follow, and it leaves', async () => {
    const label = { labels: { 'rbac.authorization.k8s.io/aggregate-to-view': 'true' } }
    const rule = (resource: string) => ({ apiGroups: ['example.com'], resources: [resource], verbs: ['get'] })
    await api.post(`${rbac}/clusterroles`, clusterRole('widget-viewer', [rule('widgets')], label))
    await expect.poll(() => rulesOf('admin')).toContainEqual(rule('widgets'))
    expect(await rulesOf('view')).toContainEqual(rule('widgets'))

    await api.put(
      `${rbac}/clusterroles/widget-viewer`,
      clusterRole('widget-viewer', [rule('gadgets')], label),
    )
    await expect.poll(() => rulesOf('admin')).toContainEqual(rule('gadgets'))
    expect(await rulesOf('admin')).not.toContainEqual(rule('widgets'))

    await api.delete(`${rbac}/clusterroles/widget-viewer`)
    await expect.poll(() => rulesOf('admin')).not.toContainEqual(rule('gadgets'))
  })

  test('an editor of a namespace works there and nowhere else', async () => {
    const at = await namespace('editing')
    await grant(at, 'edit', 'bob')
    const can = async (verb: string, resource: string, where: { namespace?: string; subresource?: string }) =>
      (await review('bob', { verb, group: 'kvorum.dev', resource, ...where })).allowed
    await expect.poll(() => can('create', 'virtualmachines', { namespace: 'editing' })).toBe(true)
    expect(await can('create', 'virtualmachines', { namespace: 'default' })).toBe(false)
    const console = { namespace: 'editing', subresource: 'console' }
    expect(await can('get', 'virtualmachineinstances', console)).toBe(true)
    const status = { namespace: 'editing', subresource: 'status' }
    expect(await can('update', 'virtualmachines', status)).toBe(false)
    expect(await can('delete', 'hosts', {})).toBe(false)
    expect(await can('create', 'networks', {})).toBe(false)
  })

  test('what was taken away comes back at the next start, what was added stays, and autoupdate=false is left alone', async () => {
    const extra = { apiGroups: ['example.com'], resources: ['widgets'], verbs: ['get'] }
    await api.patch(`${rbac}/clusterroles/system:basic-user`, 'merge', { rules: [extra] })
    await api.patch(`${rbac}/clusterroles/system:monitoring`, 'merge', {
      metadata: { annotations: { 'rbac.authorization.kubernetes.io/autoupdate': 'false' } },
      rules: [],
    })
    await api.patch(`${rbac}/clusterrolebindings/system:discovery`, 'merge', { subjects: [] })
    await api.delete(`${rbac}/clusterrolebindings/system:basic-user`)
    await stop()
    await start()

    const basic = await rulesOf('system:basic-user')
    expect(basic).toContainEqual(extra)
    expect(JSON.stringify(basic)).toContain('selfsubjectaccessreviews')
    expect(await rulesOf('system:monitoring')).toEqual([])
    const subjects = async (name: string) =>
      (await api.get(`${rbac}/clusterrolebindings/${name}`)).body.subjects
    expect(await subjects('system:discovery')).toHaveLength(1)
    expect(await subjects('system:basic-user')).toHaveLength(1)
  })

  test('a start that has nothing to do writes nothing', async () => {
    const versions = async () =>
      (await api.get(`${rbac}/clusterroles`)).body.items.map(
        ({ metadata }: ApiBody) => metadata.resourceVersion,
      )
    const before = await versions()
    await stop()
    await start()
    expect(await versions()).toEqual(before)
  })
})

describe('questions about rights', () => {
  test('kubectl auth can-i --list shows what bindings grant', async () => {
    const at = await namespace('listing')
    await grant(at, 'view', 'bob')
    await expect
      .poll(() => kubectl.ok('auth', 'can-i', '--list', '--as=bob', '-n', 'listing'))
      .toMatch(/virtualmachines\.kvorum\.dev\s+\[\]\s+\[\]\s+\[get list watch\]/)
    const list = await kubectl.ok('auth', 'can-i', '--list', '--as=bob', '-n', 'listing')
    expect(list).toMatch(/selfsubjectaccessreviews\.authorization\.k8s\.io/)
    expect(list).toContain('[/version]')
  })

  test('kubectl auth reconcile makes and extends roles and bindings', async () => {
    const manifest = (verbs: string[]) =>
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'List',
        items: [
          clusterRole('reconciled', [{ apiGroups: [''], resources: ['configmaps'], verbs }]),
          {
            ...binding('reconciled', 'reconciled', 'bob'),
            metadata: { name: 'reconciled', namespace: 'default' },
          },
        ],
      })
    const run = (verbs: string[]) => kubectl.run(['auth', 'reconcile', '-f', '-'], { input: manifest(verbs) })
    expect(await run(['get'])).toMatchObject({ code: 0 })
    expect(await run(['list'])).toMatchObject({ code: 0 })

    const { rules } = (await api.get(`${rbac}/clusterroles/reconciled`)).body
    expect(rules.flatMap(({ verbs }: ApiBody) => verbs).toSorted()).toEqual(['get', 'list'])
  })

  test('a SubjectAccessReview tells which binding allows, and which role is missing', async () => {
    const at = await namespace('reviews')
    await grant(at, 'view', 'bob')
    await api.post(`${at}/rolebindings`, binding('broken', 'nowhere', 'bob'))
    const configMapsOf = (verb: string) =>
      review('bob', { verb, resource: 'configmaps', namespace: 'reviews' })
    await expect
      .poll(() => configMapsOf('get'))
      .toEqual({
        allowed: true,
        reason: 'RBAC: allowed by RoleBinding "bob-view/reviews" of ClusterRole "view" to User "bob"',
      })
    await expect
      .poll(() => configMapsOf('delete'))
      .toEqual({
        allowed: false,
        reason: 'RBAC: clusterrole.rbac.authorization.k8s.io "nowhere" not found',
      })
  })
})

describe('acting as somebody else', () => {
  const asEve = (more: Record<string, string> = {}) =>
    api.get('/api/v1/namespaces/default/configmaps', {
      ...ann,
      headers: { 'impersonate-user': 'eve', ...more },
    })

  test('needs the right to each part of who that is', async () => {
    const rule = (resources: string[], group: string, names: string[]) => ({
      apiGroups: [group],
      resources,
      resourceNames: names,
      verbs: ['impersonate'],
    })
    await api.post(`${rbac}/clusterroles`, clusterRole('impersonator', [rule(['users'], '', ['eve'])]))
    await kubectl.ok(
      'create',
      'clusterrolebinding',
      'impersonator',
      '--clusterrole=impersonator',
      '--user=ann',
    )
    await expect
      .poll(async () => (await asEve()).body.message)
      .toContain('User "eve" cannot list resource "configmaps"')

    expect((await asEve({ 'impersonate-uid': '7' })).body.message).toBe(
      'uids.authentication.k8s.io "7" is forbidden: User "ann" cannot impersonate resource "uids" ' +
        'in API group "authentication.k8s.io" at the cluster scope',
    )
    expect((await asEve({ 'impersonate-extra-team': 'x' })).body.message).toContain(
      'cannot impersonate resource "userextras/team" in API group "authentication.k8s.io"',
    )
    expect((await asEve({ 'impersonate-group': 'admins' })).body.message).toContain(
      'cannot impersonate resource "groups"',
    )

    await api.patch(`${rbac}/clusterroles/impersonator`, 'merge', {
      rules: [
        rule(['users'], '', ['eve']),
        rule(['uids'], 'authentication.k8s.io', ['7']),
        rule(['userextras/team'], 'authentication.k8s.io', ['x']),
      ],
    })
    await expect
      .poll(async () => (await asEve({ 'impersonate-uid': '7', 'impersonate-extra-team': 'x' })).body.message)
      .toContain('User "eve" cannot list')
    expect((await asEve({ 'impersonate-extra-team': 'y' })).code).toBe(403)
  })
})
