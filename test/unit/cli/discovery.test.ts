import { describe, expect, test } from 'vitest'
import { apiVersionOf, discover, Discovery, pathOf, qualifiedSingular } from '../../../cli/discovery.ts'
import { UsageError } from '../../../cli/usage-error.ts'
import { aDiscovery, configMaps, fakeApi, hosts, machines } from './fake-api.ts'

const paths: [string, Parameters<typeof pathOf>, string][] = [
  ['all namespaces', [machines, {}], '/apis/kvorum.dev/v1alpha1/virtualmachines'],
  [
    'one namespace',
    [machines, { namespace: 'lab' }],
    '/apis/kvorum.dev/v1alpha1/namespaces/lab/virtualmachines',
  ],
  [
    'an object',
    [machines, { namespace: 'lab', name: 'a' }],
    '/apis/kvorum.dev/v1alpha1/namespaces/lab/virtualmachines/a',
  ],
  [
    'a cluster-scoped object, whatever the namespace',
    [hosts, { namespace: 'lab', name: 'a' }],
    '/apis/kvorum.dev/v1alpha1/hosts/a',
  ],
  ['the core group', [configMaps, { namespace: 'lab' }], '/api/v1/namespaces/lab/configmaps'],
  [
    'names that would leave their place',
    [machines, { namespace: '../x', name: 'a/b?c' }],
    '/apis/kvorum.dev/v1alpha1/namespaces/..%2Fx/virtualmachines/a%2Fb%3Fc',
  ],
]

describe('names', () => {
  test.each([
    ['hsots', 'hosts'],
    ['vritualmachines', 'virtualmachines'],
  ])('%s is answered with what was meant', (typed, meant) => {
    expect(() => aDiscovery().byName(typed)).toThrow(
      `the server doesn't have a resource type "${typed}"; did you mean "${meant}"?`,
    )
  })

  test.each(['pods', 'x', 'vx'])('%s is like nothing that is served', (typed) => {
    expect(() => aDiscovery().byName(typed)).toThrow(
      new UsageError(`the server doesn't have a resource type "${typed}"`),
    )
  })

  test('of versions and groups find the one that is meant, and the preferred one otherwise', () => {
    const old = { ...machines, version: 'v1alpha0' }
    const discovery = new Discovery([machines, old])

    expect(discovery.byName('vm')).toBe(machines)
    expect(discovery.byName('virtualmachines.v1alpha0.kvorum.dev')).toBe(old)
    expect(discovery.preferred()).toEqual([machines])
  })
})

describe('discovery', () => {
  test.each(paths)('writes the path of %s', (_, args, path) => {
    expect(pathOf(...args)).toBe(path)
  })

  test('reads what the server serves, from both roots', async () => {
    const resource = { scope: 'Namespaced', verbs: ['get'] }
    const api = fakeApi()
      .answer('GET', '/api', {
        body: {
          items: [
            {
              versions: [
                {
                  version: 'v1',
                  resources: [
                    { ...resource, resource: 'events', responseKind: { kind: 'Event' }, shortNames: ['ev'] },
                  ],
                },
              ],
            },
          ],
        },
      })
      .answer('GET', '/apis', {
        body: {
          items: [
            {
              metadata: { name: 'kvorum.dev' },
              versions: [
                {
                  version: 'v1alpha1',
                  resources: [
                    {
                      ...resource,
                      scope: 'Cluster',
                      resource: 'hosts',
                      responseKind: { kind: 'Host' },
                      singularResource: 'host',
                      categories: ['kvorum'],
                    },
                  ],
                },
                { version: 'v1beta1' },
              ],
            },
          ],
        },
      })

    const discovery = await discover(api)

    const [event, host] = [discovery.byName('ev'), discovery.findKind('kvorum.dev/v1alpha1', 'Host')]
    expect([apiVersionOf(event), qualifiedSingular(event), event.namespaced]).toEqual(['v1', 'event', true])
    expect(host).toMatchObject({ singular: 'host', group: 'kvorum.dev', namespaced: false })
    expect(discovery.byCategory('kvorum')).toEqual([host])
    expect(discovery.findKind('kvorum.dev/v2', 'Host')).toBeUndefined()
  })
})
