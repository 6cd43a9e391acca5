import { expect, test } from 'vitest'
import type { JsonObject } from '../../../../crds/meta/json.ts'
import { systemClock } from '../../../../apimachinery/clock.ts'
import { createAuthority } from '../../../../apiserver/certificates/authority.ts'
import { validateClientConfig } from '../../../../apiserver/webhook/validate-client-config.ts'

const texts = (config: JsonObject) =>
  validateClientConfig('clientConfig', config).map(({ field, message }) => `${field}: ${message}`)

const form = '; desired format: https://host[/path]'

test.each<[string, JsonObject, string[]]>([
  ['a URL', { url: 'https://hooks.test/convert' }, []],
  ['nothing', {}, ['clientConfig: Required value: exactly one of url or service is required']],
  [
    'both ways at once',
    { url: 'https://a.test', service: { name: 'a', namespace: 'b' } },
    ['clientConfig: Required value: exactly one of url or service is required'],
  ],
  [
    'plain http',
    { url: 'http://a.test' },
    [`clientConfig.url: Invalid value: "http": 'https' is the only allowed URL scheme${form}`],
  ],
  [
    'a query and a fragment',
    { url: 'https://a.test/?x=1#y' },
    [
      'clientConfig.url: Invalid value: "y": fragments are not permitted in the URL',
      'clientConfig.url: Invalid value: "x=1": query parameters are not permitted in the URL',
    ],
  ],
  [
    'a user in the URL',
    { url: 'https://me@a.test' },
    ['clientConfig.url: Invalid value: "me": user information is not permitted in the URL'],
  ],
  ['a service', { service: { namespace: 'a', name: 'b', path: '/c/d', port: 8443 } }, []],
  [
    'a service with a wrong port and path',
    { service: { namespace: 'a', name: 'b', path: 'c//d', port: 0 } },
    [
      'clientConfig.service.port: Invalid value: 0: port is not valid: must be between 1 and 65535, inclusive',
      'clientConfig.service.path: Invalid value: "c//d": must start with a \'/\'',
      'clientConfig.service.path: Invalid value: "c//d": segment[0] may not be empty',
      'clientConfig.service.path: Invalid value: "c//d": segment[1] may not be empty',
    ],
  ],
  [
    'a bundle that is no certificate',
    { url: 'https://a.test', caBundle: 'bm90aGluZw==' },
    [
      'clientConfig.caBundle: Invalid value: "bm90aGluZw==": unable to load root certificates: unable to parse bytes as PEM block',
    ],
  ],
])('%s', (_name, config, expected) => {
  expect(texts(config)).toEqual(expected)
})

test('a bundle of certificates', async () => {
  const { certificate } = await createAuthority(systemClock, 'test', 1)
  const caBundle = Buffer.from(certificate + certificate).toString('base64')

  expect(texts({ url: 'https://a.test', caBundle })).toEqual([])
})
