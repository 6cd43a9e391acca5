import { describe, expect, test } from 'vitest'
import { apiVersionOf, discover, pathOf, qualifiedSingular } from '../../../cli/discovery.ts'
import { configMaps, fakeApi, hosts, machines } from './fake-api.ts'

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

    const [event, host] = [discovery.byName('ev'), discovery.byKind('kvorum.dev/v1alpha1', 'Host')]
    expect([apiVersionOf(event), qualifiedSingular(event), event.namespaced]).toEqual(['v1', 'event', true])
    expect([qualifiedSingular(host), host.namespaced]).toEqual(['host.kvorum.dev', false])
    expect(discovery.byCategory('kvorum')).toEqual([host])
    expect(() => discovery.byKind('kvorum.dev/v2', 'Host')).toThrow(
      'no matches for kind "Host" in version "kvorum.dev/v2"',
    )
  })
})
