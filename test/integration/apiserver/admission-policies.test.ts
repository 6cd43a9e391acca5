import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { JsonObject } from '../../../crds/meta/json.ts'
import { startTestApiServer, type TestApiServer } from '../../support/apiserver.ts'
import { configMapsPath, labelled, registration } from './admission-fixtures.ts'
import { ApiClient } from './api-client.ts'

let server: TestApiServer
let api: ApiClient

beforeAll(async () => {
  server = await startTestApiServer()
  api = new ApiClient(server)
})

afterAll(async () => {
  api.close()
  await server.close()
})

const apiVersion = 'admissionregistration.k8s.io/v1'

/** For ConfigMaps with the label `test: <label>`. */
const constraints = (label: string, more: JsonObject = {}) => ({
  resourceRules: [
    { operations: ['CREATE', 'UPDATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'] },
  ],
  objectSelector: { matchLabels: { test: label } },
  ...more,
})

async function aPolicy(label: string, spec: JsonObject, binding: JsonObject = {}): Promise<void> {
  const policy = await api.post(`${registration}/validatingadmissionpolicies`, {
    apiVersion,
    kind: 'ValidatingAdmissionPolicy',
    metadata: { name: label },
    spec: { matchConstraints: constraints(label), ...spec },
  })
  expect(policy).toMatchObject({ code: 201 })
  const bound = await api.post(`${registration}/validatingadmissionpolicybindings`, {
    apiVersion,
    kind: 'ValidatingAdmissionPolicyBinding',
    metadata: { name: `${label}-binding` },
    spec: { policyName: label, validationActions: ['Deny'], ...binding },
  })
  expect(bound).toMatchObject({ code: 201 })
}

const dryRun = `${configMapsPath}?dryRun=All`

/** Resolves with the refusal once the policy is in force. */
async function whenRefused(object: JsonObject) {
  return await vi.waitUntil(
    async () => {
      const answer = await api.post(dryRun, object)
      return answer.code >= 400 && answer
    },
    { timeout: 20_000 },
  )
}

describe('a validating policy', () => {
  test('refuses in the words of Kubernetes', async () => {
    await aPolicy('plain', { validations: [{ expression: "object.data.size != 'huge'" }] })
    const { body } = await whenRefused(labelled('plain', 'plain', { size: 'huge' }))
    const message =
      "ValidatingAdmissionPolicy 'plain' with binding 'plain-binding' denied request: failed expression: object.data.size != 'huge'"
    expect(body).toMatchObject({
      code: 422,
      reason: 'Invalid',
      message: `configmaps "plain" is forbidden: ${message}`,
      details: { name: 'plain', kind: 'configmaps', causes: [{ message }] },
    })
    expect((await api.post(configMapsPath, labelled('plain', 'plain', { size: 'small' }))).code).toBe(201)
    expect((await api.patch(`${configMapsPath}/plain`, 'merge', { data: { size: 'huge' } })).code).toBe(422)
  })

  test('knows variables, the request, the namespace, the old object and what the user may do', async () => {
    await aPolicy('variables', {
      variables: [
        { name: 'sizes', expression: "object.data.sizes.split(',')" },
        { name: 'tooMany', expression: 'variables.sizes.size() > 2' },
      ],
      validations: [
        {
          expression: '!variables.tooMany',
          messageExpression:
            "'at most 2, not ' + string(variables.sizes.size()) + ' in ' + request.namespace",
          reason: 'Forbidden',
        },
        { expression: "namespaceObject.metadata.labels['kubernetes.io/metadata.name'] == 'default'" },
        {
          expression: 'oldObject == null || object.data.sizes.size() >= oldObject.data.sizes.size()',
          message: 'shrinks',
        },
        { expression: "authorizer.group('').resource('nodes').check('delete').allowed()" },
        { expression: "authorizer.requestResource.check('create').allowed()" },
      ],
    })
    const { body } = await whenRefused(labelled('variables', 'variables', { sizes: '1,2,3' }))
    expect(body).toMatchObject({ code: 403, reason: 'Forbidden' })
    expect(body.message).toContain('denied request: at most 2, not 3 in default')
    expect((await api.post(configMapsPath, labelled('variables', 'variables', { sizes: '1,2' }))).code).toBe(
      201,
    )
    const shrunk = await api.patch(`${configMapsPath}/variables`, 'merge', { data: { sizes: '1' } })
    expect(shrunk.body.message).toContain('denied request: shrinks')
  })

  test('fails closed or open when an expression cannot be evaluated', async () => {
    await aPolicy('closed', { validations: [{ expression: "object.data.missing == 'x'" }] })
    const { body } = await whenRefused(labelled('closed', 'closed', { a: '1' }))
    expect(body.message).toContain(
      "denied request: expression 'object.data.missing == 'x'' resulted in error: no such key: missing",
    )
    await aPolicy('open', {
      failurePolicy: 'Ignore',
      validations: [{ expression: "object.data.missing == 'x'" }, { expression: "object.data.a == '1'" }],
    })
    await whenRefused(labelled('open', 'open', { a: '2' }))
    expect((await api.post(dryRun, labelled('open', 'open', { a: '1' }))).code).toBe(201)
  })

  test('warns instead when its binding says so', async () => {
    await aPolicy(
      'warned',
      { validations: [{ expression: 'false', message: 'better not' }] },
      { validationActions: ['Warn', 'Audit'] },
    )
    const { headers } = await vi.waitUntil(async () => {
      const answer = await api.post(dryRun, labelled('warned', 'warned'))
      return answer.headers['warning'] !== undefined && answer
    })
    expect(headers['warning']).toContain(
      "Validation failed for ValidatingAdmissionPolicy 'warned' with binding 'warned-binding': better not",
    )
  })

  test('takes parameters from objects, and refuses without them', async () => {
    await aPolicy(
      'params',
      {
        paramKind: { apiVersion: 'v1', kind: 'ConfigMap' },
        validations: [
          {
            expression: 'int(object.data.size) <= int(params.data.max)',
            messageExpression: "'max ' + params.data.max",
          },
        ],
      },
      { paramRef: { name: 'limits', namespace: 'default', parameterNotFoundAction: 'Deny' } },
    )
    const without = await whenRefused(labelled('params', 'params', { size: '5' }))
    expect(without.body.message).toContain(
      'failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction',
    )
    await api.post(configMapsPath, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'limits' },
      data: { max: '4' },
    })
    const { body } = await vi.waitUntil(async () => {
      const answer = await api.post(dryRun, labelled('params', 'params', { size: '5' }))
      return answer.text.includes('max 4') && answer
    })
    expect(body.code).toBe(422)
    expect((await api.post(dryRun, labelled('params', 'params', { size: '4' }))).code).toBe(201)
  })

  test('looks only at what its conditions and its binding let through', async () => {
    await aPolicy(
      'narrow',
      {
        matchConditions: [{ name: 'named', expression: "object.metadata.name.startsWith('x-')" }],
        validations: [{ expression: 'false' }],
      },
      { matchResources: { objectSelector: { matchLabels: { extra: 'yes' } } } },
    )
    const named = (name: string, labels: JsonObject) => ({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name, labels: { test: 'narrow', ...labels } },
    })
    await whenRefused(named('x-1', { extra: 'yes' }))
    expect((await api.post(dryRun, named('y-1', { extra: 'yes' }))).code).toBe(201)
    expect((await api.post(dryRun, named('x-1', {}))).code).toBe(201)
  })

  test('stops when it costs too much', async () => {
    const list = Array.from({ length: 100 }, (_, index) => index).join(',')
    await aPolicy('costly', {
      validations: [
        {
          expression: `[${list}].all(a, [${list}].all(b, [${list}].all(c, [${list}].all(d, a + b + c + d >= 0))))`,
        },
      ],
    })
    const { body } = await whenRefused(labelled('costly', 'costly'))
    expect(body.message).toContain('operation cancelled: actual cost limit exceeded')
  })

  test.each([
    [{ validations: [{ expression: 'object.' }] }, 'spec.validations[0].expression'],
    [{ validations: [{ expression: '1 + 1' }] }, 'spec.validations[0].expression'],
    [{ validations: [{ expression: 'params.x == 1' }] }, 'spec.validations[0].expression'],
    [{ validations: [{ expression: 'true', reason: 'Because' }] }, 'spec.validations[0].reason'],
    [{ validations: [{ expression: 'true', message: 'a\nb' }] }, 'spec.validations[0].message'],
    [
      { variables: [{ name: '1x', expression: '1' }], validations: [{ expression: 'true' }] },
      'spec.variables[0].name',
    ],
    [{}, 'spec.validations'],
  ])('is not taken when it is wrong: %j', async (spec, field) => {
    const { code, body } = await api.post(`${registration}/validatingadmissionpolicies`, {
      apiVersion,
      kind: 'ValidatingAdmissionPolicy',
      metadata: { name: 'wrong' },
      spec: { matchConstraints: constraints('wrong'), ...spec },
    })
    expect(code).toBe(422)
    expect(body.details.causes[0].field).toBe(field)
  })
})

describe('the status of a policy', () => {
  test('tells what does not fit the kinds that it is about', async () => {
    await aPolicy('typed', {
      matchConstraints: {
        resourceRules: [
          {
            operations: ['CREATE'],
            apiGroups: ['', 'coordination.k8s.io'],
            apiVersions: ['v1'],
            resources: ['configmaps', 'leases'],
          },
        ],
        objectSelector: { matchLabels: { test: 'typed' } },
      },
      variables: [{ name: 'owned', expression: 'has(object.metadata.ownerReferences)' }],
      validations: [
        { expression: "variables.owned || object.metadata.labels['a'] == 'b' || oldObject != null" },
        { expression: 'object.spec.leaseDurationSeconds > 5', messageExpression: 'object.kind' },
      ],
    })
    await expect
      .poll(async () => (await api.get(`${registration}/validatingadmissionpolicies/typed`)).body.status)
      .toMatchObject({
        observedGeneration: 1,
        typeChecking: {
          expressionWarnings: [
            {
              fieldRef: 'spec.validations[1].expression',
              warning: expect.stringMatching(/^\/v1, Kind=ConfigMap: ERROR: .*spec/s),
            },
          ],
        },
      })
  })
})

describe('a mutating policy', () => {
  async function aMutation(label: string, spec: JsonObject, version = 'v1'): Promise<void> {
    const path = `/apis/admissionregistration.k8s.io/${version}`
    const of = { apiVersion: `admissionregistration.k8s.io/${version}` }
    const policy = await api.post(`${path}/mutatingadmissionpolicies`, {
      ...of,
      kind: 'MutatingAdmissionPolicy',
      metadata: { name: label },
      spec: { matchConstraints: constraints(label), reinvocationPolicy: 'Never', ...spec },
    })
    expect(policy).toMatchObject({ code: 201 })
    const bound = await api.post(`${path}/mutatingadmissionpolicybindings`, {
      ...of,
      kind: 'MutatingAdmissionPolicyBinding',
      metadata: { name: label },
      spec: { policyName: label },
    })
    expect(bound).toMatchObject({ code: 201 })
  }

  /** What is made of an object once the policy is in force. */
  async function whenChanged(object: JsonObject, changed: (body: JsonObject) => boolean) {
    const { body } = await vi.waitUntil(
      async () => {
        const answer = await api.post(dryRun, object)
        return changed(answer.body) && answer
      },
      { timeout: 20_000 },
    )
    return body
  }

  const applied = (expression: string) => ({
    patchType: 'ApplyConfiguration',
    applyConfiguration: { expression },
  })
  const patched = (expression: string) => ({ patchType: 'JSONPatch', jsonPatch: { expression } })

  test('merges what it applies, in v1beta1 too', async () => {
    await aMutation(
      'applied',
      {
        variables: [{ name: 'who', expression: 'request.userInfo.username' }],
        mutations: [
          applied(`Object{
            metadata: Object.metadata{ annotations: {"by": variables.who} },
            data: {"added": object.data.own + "!"} // a comment { with braces
          }`),
          applied(`has(object.data.added) ? Object{data: {"seen": object.data.added}} : Object{}`),
        ],
      },
      'v1beta1',
    )
    const body = await whenChanged(
      labelled('applied', 'applied', { own: 'a' }),
      ({ data }) => 'added' in Object(data),
    )
    expect(body.data).toEqual({ own: 'a', added: 'a!', seen: 'a!' })
    expect(body.metadata.annotations.by).toMatch(/admin/)
    const { body: stored } = await api.get(`${registration}/mutatingadmissionpolicies/applied`)
    expect(stored.apiVersion).toBe(apiVersion)
  })

  test('patches', async () => {
    await aMutation('patched', {
      mutations: [
        patched(`[
          JSONPatch{op: "test", path: "/data/own", value: "a"},
          JSONPatch{op: "add", path: "/metadata/labels/" + jsonpatch.escapeKey("example.org/x"), value: "yes"}
        ] + (has(object.data.gone) ? [JSONPatch{op: "remove", path: "/data/gone"}] : [])`),
      ],
    })
    const body = await whenChanged(
      labelled('patched', 'patched', { own: 'a', gone: 'b' }),
      ({ data }) => !('gone' in Object(data)),
    )
    expect(body.metadata.labels).toMatchObject({ 'example.org/x': 'yes' })
    const refused = await api.post(dryRun, labelled('patched', 'patched', { own: 'z' }))
    expect(refused.body).toMatchObject({ code: 403, reason: 'Invalid' })
    expect(refused.body.message).toMatch(/^policy 'patched' with binding 'patched' denied request: /)
  })

  test.each([
    ['Object{spec: Object.metadata{}}', 'unexpected type name "Object.metadata", expected "Object.spec"'],
    ['{"data": {}}', 'must evaluate to Object'],
    ['Object{data: ', 'compilation failed'],
  ])('is not taken when it is wrong: %s', async (expression, problem) => {
    const { code, body } = await api.post(`${registration}/mutatingadmissionpolicies`, {
      apiVersion,
      kind: 'MutatingAdmissionPolicy',
      metadata: { name: 'wrong' },
      spec: {
        matchConstraints: constraints('wrong'),
        reinvocationPolicy: 'Never',
        mutations: [applied(expression)],
      },
    })
    expect(code).toBe(422)
    expect(body.message).toContain('spec.mutations[0].applyConfiguration.expression')
    expect(body.message).toContain(problem)
  })
})
