import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { startTestApiServer, type TestApiServer } from '../../support/apiserver.ts'
import { ApiClient, type ApiBody } from './api-client.ts'
import { aWidget, widgetCrd, widgetsPath } from './widget.ts'

const crds = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'
const widgets = `${crds}/widgets.test.example.org`

let server: TestApiServer
let api: ApiClient

beforeEach(async () => {
  server = await startTestApiServer()
  api = new ApiClient(server)
})
afterEach(async () => {
  api.close()
  await server.close()
})

async function serveWidgets(crd: object = widgetCrd): Promise<void> {
  await api.post(crds, crd)
  await vi.waitUntil(async () => (await api.get(widgetsPath)).code === 200)
}

const [version] = widgetCrd.spec.versions

const conditionOf = (crd: ApiBody, type: string) =>
  crd.status.conditions.find((condition: { type: string }) => condition.type === type)

describe('versions', () => {
  const old = {
    ...version,
    name: 'v1beta1',
    storage: false,
    deprecated: true,
    selectableFields: undefined,
    additionalPrinterColumns: undefined,
  }
  const hidden = { ...version, name: 'v1alpha1', storage: false, served: false }
  const several = { ...widgetCrd, spec: { ...widgetCrd.spec, versions: [version, old, hidden] } }

  test('are each served with what is their own', async () => {
    await serveWidgets(several)
    await api.post(widgetsPath, aWidget('one'))
    const beta = widgetsPath.replace('/v1/', '/v1beta1/')

    const read = await api.get(`${beta}/one`)
    const unselectable = await api.get(`${beta}?fieldSelector=spec.color%3Dred`)

    expect(read.body).toMatchObject({ apiVersion: 'test.example.org/v1beta1', spec: { color: 'red' } })
    expect(read.headers['warning']).toBe(
      '299 - "test.example.org/v1beta1 Widget is deprecated; use test.example.org/v1 Widget"',
    )
    expect((await api.get(`${widgetsPath}?fieldSelector=spec.color%3Dred`)).body.items).toHaveLength(1)
    expect([unselectable.code, unselectable.body.message]).toEqual([
      400,
      'field label not supported: spec.color',
    ])
    expect((await api.get(widgetsPath.replace('/v1/', '/v1alpha1/'))).code).toBe(404)
  })
})

describe('names', () => {
  const gadgets = (names: object) => ({
    ...widgetCrd,
    metadata: { name: 'gadgets.test.example.org' },
    spec: { ...widgetCrd.spec, names: { plural: 'gadgets', kind: 'Gadget', ...names } },
  })
  const gadgetsCrd = async () => (await api.get(`${crds}/gadgets.test.example.org`)).body

  test('that are taken keep a kind from being served until they are free', async () => {
    await serveWidgets()
    await api.post(crds, gadgets({ shortNames: ['wd', 'gd'] }))
    await vi.waitUntil(async () => conditionOf(await gadgetsCrd(), 'NamesAccepted') !== undefined)

    const refused = await gadgetsCrd()
    await api.delete(widgets)
    await vi.waitUntil(async () => conditionOf(await gadgetsCrd(), 'Established')?.status === 'True', {
      timeout: 20_000,
    })

    expect(conditionOf(refused, 'NamesAccepted')).toMatchObject({
      status: 'False',
      reason: 'ShortNamesConflict',
      message: '"wd" is already in use',
    })
    expect(conditionOf(refused, 'Established')).toMatchObject({ status: 'False', reason: 'NotAccepted' })
    expect((await gadgetsCrd()).status.acceptedNames.shortNames).toEqual(['wd', 'gd'])
  })

  test('of a kind that is served stay its own when it asks for one that is taken', async () => {
    await serveWidgets()
    await api.post(crds, gadgets({ shortNames: ['gd'] }))
    await vi.waitUntil(async () => conditionOf(await gadgetsCrd(), 'Established')?.status === 'True')

    await api.patch(widgets, 'merge', { spec: { names: { shortNames: ['gd'] } } })
    await vi.waitUntil(async () => {
      const { body } = await api.get(widgets)
      return conditionOf(body, 'NamesAccepted').status === 'False'
    })

    const { body } = await api.get(widgets)
    expect(body.status.acceptedNames.shortNames).toEqual(['wd'])
    expect(conditionOf(body, 'Established').status).toBe('True')
    expect((await api.get(widgetsPath)).code).toBe(200)
  })
})

describe('a kind that is deleted', () => {
  test('takes its objects along, ends its watches and is gone', async () => {
    await serveWidgets()
    await api.post(widgetsPath, aWidget('one'))
    const watch = await api.watch(`${widgetsPath}?watch=true`)
    expect(await watch.names(1)).toEqual(['ADDED one'])

    await api.delete(widgets)

    expect(await watch.names(1)).toEqual(['DELETED one'])
    expect(await watch.next()).toBeUndefined()
    await vi.waitUntil(async () => (await api.get(widgetsPath)).code === 404, { timeout: 20_000 })
    expect((await api.get(widgets)).code).toBe(404)
  })

  test('waits for the finalizers of its objects and takes no new ones meanwhile', async () => {
    await serveWidgets()
    await api.post(widgetsPath, aWidget('one'))
    await api.patch(`${widgetsPath}/one`, 'merge', { metadata: { finalizers: ['example.org/held'] } })

    await api.delete(widgets)
    await vi.waitUntil(
      async () => (await api.get(`${widgetsPath}/one`)).body.metadata.deletionTimestamp !== undefined,
    )
    const late = await api.post(widgetsPath, aWidget('two'))
    await api.patch(`${widgetsPath}/one`, 'merge', { metadata: { finalizers: null } })
    await vi.waitUntil(async () => (await api.get(widgets)).code === 404, { timeout: 20_000 })

    expect([late.code, late.body.message]).toEqual([
      405,
      'create not allowed while custom resource definition is terminating',
    ])
  })

  test('leaves nothing behind in the store, not even of a version that is not served', async () => {
    await serveWidgets()
    await api.post(widgetsPath, aWidget('one'))
    await api.patch(widgets, 'json', [{ op: 'replace', path: '/spec/versions/0/served', value: false }])
    await vi.waitUntil(async () => (await api.get(widgetsPath)).code === 404)

    await api.delete(widgets)
    await vi.waitUntil(async () => (await api.get(widgets)).code === 404, { timeout: 20_000 })

    const signal = AbortSignal.timeout(10_000)
    const left = await server.storage.list('/registry/test.example.org/', { limit: 10, signal })
    expect(left.items).toEqual([])
  })
})

describe('a definition is refused', () => {
  const refusal = async (change: object, versionChange: object = {}) => {
    const spec = { ...widgetCrd.spec, versions: [{ ...version, ...versionChange }], ...change }
    const { code, body } = await api.post(crds, { ...widgetCrd, spec })
    return [code, body.details?.causes?.map((cause: ApiBody) => `${cause.field}: ${cause.message}`)]
  }

  test.each<[string, object, object, string[]]>([
    [
      'for a webhook that is not named',
      { conversion: { strategy: 'Webhook', webhook: { conversionReviewVersions: ['v1'] } } },
      {},
      ['spec.conversion.webhookClientConfig: Required value: required when strategy is set to Webhook'],
    ],
    [
      'for review versions that nobody here speaks',
      {
        conversion: {
          strategy: 'Webhook',
          webhook: { clientConfig: { url: 'https://a.test' }, conversionReviewVersions: ['v9'] },
        },
      },
      {},
      [
        'spec.conversion.conversionReviewVersions: Invalid value: ["v9"]: must include at least one of v1, v1beta1',
      ],
    ],
    [
      'for a scale outside spec',
      {},
      { subresources: { scale: { specReplicasPath: '.replicas', statusReplicasPath: '.status.replicas' } } },
      [
        'spec.subresources.scale.specReplicasPath: Invalid value: ".replicas": should be a json path under .spec',
      ],
    ],
    [
      'for a column of no type',
      {},
      { additionalPrinterColumns: [{ name: 'A', type: 'thing', jsonPath: 'a' }] },
      [
        'spec.additionalPrinterColumns[0].type: Invalid value: "thing": must be one of boolean,date,integer,number,string',
        'spec.additionalPrinterColumns[0].JSONPath: Invalid value: "a": must be a simple json path starting with .',
      ],
    ],
    [
      'for a selectable list',
      {},
      { selectableFields: [{ jsonPath: '.spec.parts' }] },
      [
        'spec.selectableFields[0].jsonPath: Invalid value: ".spec.parts": must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.',
      ],
    ],
    [
      'for a warning without deprecation',
      {},
      { deprecationWarning: 'beware' },
      [
        'spec.versions[0].deprecationWarning: Invalid value: "beware": can only be set for deprecated versions',
      ],
    ],
  ])('%s', async (_name, change, versionChange, causes) => {
    expect(await refusal(change, versionChange)).toEqual([422, causes])
  })

  test('for a group of Kubernetes without its approval', async () => {
    const group = 'things.k8s.io'
    const metadata = { name: `widgets.${group}` }

    const { body } = await api.post(crds, { ...widgetCrd, metadata, spec: { ...widgetCrd.spec, group } })

    expect(body.details.causes).toEqual([
      {
        reason: 'FieldValueRequired',
        field: 'metadata.annotations[api-approved.kubernetes.io]',
        message:
          'Required value: protected groups must have approval annotation "api-approved.kubernetes.io", see https://github.com/kubernetes/enhancements/pull/1111',
      },
    ])
  })
})
