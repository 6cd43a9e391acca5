import { describe, expect, test } from 'vitest'
import { isTrue, parseRequestInfo } from '../../../../apiserver/http/request-info.ts'

describe('parseRequestInfo', () => {
  test.each([
    ['GET', '/api/v1/namespaces', 'list  v1  namespaces  '],
    ['GET', '/api/v1/namespaces/a', 'get  v1 a namespaces a '],
    ['PUT', '/api/v1/namespaces/a/finalize', 'update  v1 a namespaces a finalize'],
    ['GET', '/api/v1/namespaces/a/configmaps', 'list  v1 a configmaps  '],
    ['GET', '/api/v1/namespaces/a/configmaps?watch=true', 'watch  v1 a configmaps  '],
    ['GET', '/api/v1/namespaces/a/configmaps?watch=false', 'list  v1 a configmaps  '],
    ['GET', '/api/v1/watch/namespaces/a/configmaps/b', 'watch  v1 a configmaps b '],
    ['POST', '/apis/g.io/v1/namespaces/a/things', 'create g.io v1 a things  '],
    ['DELETE', '/apis/g.io/v1/things', 'deletecollection g.io v1  things  '],
    ['DELETE', '/apis/g.io/v1/things/x', 'delete g.io v1  things x '],
    ['PATCH', '/apis/g.io/v1/namespaces/a/things/x/status', 'patch g.io v1 a things x status'],
    ['GET', '/apis/g.io/v1/namespaces/a/things/x/proxy/y/z', 'get g.io v1 a things x proxy/y/z'],
    ['GET', '/api/v1/namespaces/a%2Fb/configmaps', 'list  v1 a/b configmaps  '],
  ])('%s %s', (method, url, expected) => {
    const [path = '', query] = url.split('?')
    const info = parseRequestInfo(method, path, new URLSearchParams(query))
    const { verb, group, version, namespace, resource, name, subresource } = info
    expect(info.isResource).toBe(true)
    expect([verb, group, version, namespace, resource, name, subresource].join(' ')).toBe(expected)
  })

  test.each([
    '/',
    '/healthz',
    '/api',
    '/api/v1',
    '/apis',
    '/apis/g.io',
    '/apis/g.io/v1',
    '/openapi/v3/apis/g.io/v1',
  ])('%s is no resource', (path) => {
    expect(parseRequestInfo('GET', path, new URLSearchParams())).toMatchObject({
      isResource: false,
      verb: 'get',
      path,
    })
  })

  test('a broken escape is a bad request', () => {
    expect(() => parseRequestInfo('GET', '/api/v1/%zz', new URLSearchParams())).toThrow(
      'is not a valid URL path',
    )
  })
})

test.each([
  [null, false],
  ['', true],
  ['1', true],
  ['true', true],
  ['0', false],
  ['false', false],
])('the boolean %j is %s', (text, expected) => {
  expect(isTrue(text)).toBe(expected)
})
