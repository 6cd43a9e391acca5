import { createDecipheriv } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { parseEncryptionConfig } from '../../../../apiserver/storage/encrypted/encryption-config.ts'
import { resourceOfKeys } from '../../../../apiserver/storage/encrypted/resource-of-key.ts'
import { aesCbc, aesGcm, identity } from '../../../../apiserver/storage/encrypted/transformer.ts'
import { builtInKinds } from '../../../../apiserver/registry/builtin/kinds.ts'

const key = Buffer.alloc(32, 7)
const secret = key.toString('base64')
const head = 'apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\n'
const context = '/registry/secrets/default/one'
const plain = Buffer.from('{"kind":"Secret"}')

describe('transformers', () => {
  test.each([aesGcm('k', key), aesCbc('k', key), aesGcm('k', key.subarray(0, 16)), identity])(
    '$prefix opens what it sealed',
    (transformer) => {
      expect(transformer.open(transformer.seal(plain, context), context)).toEqual(plain)
    },
  )

  test('AES-GCM lies in the store as Kubernetes puts it: nonce, text, tag, bound to the etcd key', () => {
    const sealed = aesGcm('k', key).seal(plain, context)
    const opening = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, 12))
    opening.setAAD(Buffer.from(context)).setAuthTag(sealed.subarray(-16))
    expect(Buffer.concat([opening.update(sealed.subarray(12, -16)), opening.final()])).toEqual(plain)
    expect(sealed).toHaveLength(12 + plain.length + 16)
  })

  test('AES-CBC lies in the store as Kubernetes puts it: vector, padded text', () => {
    const sealed = aesCbc('k', key).seal(plain, context)
    const opening = createDecipheriv('aes-256-cbc', key, sealed.subarray(0, 16))
    expect(Buffer.concat([opening.update(sealed.subarray(16)), opening.final()])).toEqual(plain)
  })

  test('the same text is never sealed the same way twice', () => {
    for (const transformer of [aesGcm('k', key), aesCbc('k', key)]) {
      expect(transformer.seal(plain, context)).not.toEqual(transformer.seal(plain, context))
    }
  })

  test('what was moved, changed, cut or made with another key cannot be opened', () => {
    const gcm = aesGcm('k', key)
    const sealed = gcm.seal(plain, context)
    const changed = Buffer.from(sealed)
    changed.writeUInt8(changed.readUInt8(15) ^ 1, 15)
    expect(() => gcm.open(sealed, '/registry/secrets/default/two')).toThrow('unable to authenticate')
    expect(() => gcm.open(changed, context)).toThrow('unable to authenticate')
    expect(() => gcm.open(sealed.subarray(0, 20), context)).toThrow('shorter than the required size')
    expect(() => aesGcm('k', Buffer.alloc(32, 8)).open(sealed, context)).toThrow('unable to authenticate')
  })

  test('plain reading refuses sealed values', () => {
    expect(() => identity.open(Buffer.from('k8s:enc:aesgcm:v1:k:xyz'), context)).toThrow('encrypted data')
  })
})

describe('parseEncryptionConfig', () => {
  const config = parseEncryptionConfig(`${head}
resources:
- resources: [secrets, widgets.example.com]
  providers:
  - aesgcm: {keys: [{name: two, secret: ${secret}}, {name: one, secret: ${secret}}]}
  - aescbc: {keys: [{name: old, secret: ${secret}}]}
  - identity: {}
- resources: ['*.example.com']
  providers: [{aescbc: {keys: [{name: group, secret: ${secret}}]}}]
- resources: ['*.']
  providers: [{identity: {}}, {aesgcm: {keys: [{name: core, secret: ${secret}}]}}]
`)
  const prefixes = (group: string, resource: string) =>
    config.transformersOf({ group, resource }).map(({ prefix }) => prefix)

  test('the most exact name decides, its providers and keys in order', () => {
    expect(prefixes('', 'secrets')).toEqual([
      'k8s:enc:aesgcm:v1:two:',
      'k8s:enc:aesgcm:v1:one:',
      'k8s:enc:aescbc:v1:old:',
      '',
    ])
    expect(prefixes('example.com', 'widgets')).toEqual(prefixes('', 'secrets'))
    expect(prefixes('example.com', 'gadgets')).toEqual(['k8s:enc:aescbc:v1:group:'])
    expect(prefixes('', 'configmaps')).toEqual(['', 'k8s:enc:aesgcm:v1:core:'])
    expect(prefixes('kvorum.dev', 'disks')).toEqual([''])
  })

  test('everything can be meant', () => {
    const all = parseEncryptionConfig(
      `${head}resources: [{resources: ['*.*'], providers: [{aesgcm: {keys: [{name: k, secret: ${secret}}]}}]}]`,
    )
    expect(all.transformersOf({ group: 'kvorum.dev', resource: 'disks' })[0]?.prefix).toBe(
      'k8s:enc:aesgcm:v1:k:',
    )
  })

  const one = (provider: string) => `resources: [{resources: [secrets], providers: [${provider}]}]`
  test.each([
    ['resources: []', 'encryption configuration, resources: nothing is configured'],
    [one(''), 'resources[0].providers: at least one provider is needed'],
    [one('{}'), 'exactly one of aesgcm, aescbc and identity is needed'],
    [one('{kms: {name: x}}'), 'resources[0].providers[0].kms: is not supported: use aesgcm'],
    [one('{aesgcm: {keys: []}}'), 'aesgcm.keys: at least one key is needed'],
    [one('{aesgcm: {keys: [{name: a, secret: c2hvcnQ=}]}}'), 'keys[0].secret: must be 16, 24 or 32 bytes'],
    [one('{aesgcm: {keys: [{name: a, secret: "!!"}]}}'), 'keys[0].secret: must be base64'],
    [one(`{aesgcm: {keys: [{name: "a:b", secret: ${secret}}]}}`), 'keys[0].name: must not hold a colon'],
    [
      one(`{aesgcm: {keys: [{name: a, secret: ${secret}}, {name: a, secret: ${secret}}]}}`),
      'aesgcm.keys: two keys have the same name',
    ],
    [
      'resources: [{resources: ["a/b"], providers: [{identity: {}}]}]',
      'resources[0].resources[0]: must be a resource',
    ],
    ['resources: [', 'is not YAML'],
  ])('refuses %s', (text, message) => {
    expect(() => parseEncryptionConfig(head + text)).toThrow(message)
  })

  test('a mistake never shows a key', () => {
    const broken = `${head}${one(`{aesgcm: {keys: [{name: a, secret: ${secret}, also: ${secret}}]}}`)}`
    expect(() => parseEncryptionConfig(broken)).toThrow(expect.not.objectContaining({ message: secret }))
    expect(() => parseEncryptionConfig(`${head}x: "${secret}\n`)).toThrow(/^(?!.*BwcHBw)/s)
  })
})

test.each([
  ['/registry/secrets/default/one', '', 'secrets'],
  ['/registry/leases/a/b', 'coordination.k8s.io', 'leases'],
  ['/registry/clusterroles/admin', 'rbac.authorization.k8s.io', 'clusterroles'],
  ['/registry/kvorum.dev/disks/a/b', 'kvorum.dev', 'disks'],
  [
    '/registry/apiextensions.k8s.io/customresourcedefinitions/x',
    'apiextensions.k8s.io',
    'customresourcedefinitions',
  ],
])('%s belongs to %s %s', (key, group, resource) => {
  expect(resourceOfKeys(builtInKinds)(key)).toEqual({ group, resource })
})
