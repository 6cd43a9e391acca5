import { expect, test } from 'vitest'
import { referencesOf } from '../../../../apiserver/authorization/node-references.ts'

const named = (name: string, more: object = {}) => ({ name, ...more })
const object = (namespace: string | undefined, spec: object) =>
  ({
    apiVersion: 'kvorum.dev/v1alpha1',
    kind: 'Thing',
    metadata: { name: 'thing', ...(namespace !== undefined && { namespace }) },
    spec,
  }) as never

test.each([
  ['a disk in a list', { disks: [{ name: 'root', disk: named('d-1') }] }, ['disks/team/d-1']],
  ['an image', { source: { image: named('i-1') } }, ['images/team/i-1']],
  ['a secret', { secret: named('s-1') }, ['secrets/team/s-1']],
  ['a secret by what it holds', { guest: { userDataSecret: named('s-1') } }, ['secrets/team/s-1']],
  ['a secret with Ref behind it', { passwordSecretRef: named('s-1') }, ['secrets/team/s-1']],
  ['a config map', { caBundleConfigMap: named('c-1') }, ['configmaps/team/c-1']],
  ['one thing twice, once', { secret: named('s'), bootSecret: named('s') }, ['secrets/team/s']],
  ['its own namespace alone', { secret: named('s', { namespace: 'kube-system' }) }, ['secrets/team/s']],
  ['nothing by the names of its parts', { disks: [{ name: 'root' }], interfaces: [named('eth0')] }, []],
  ['nothing by other fields', { hostCluster: named('gold'), virtualMachine: named('vm-1') }, []],
  ['nothing by a text', { secret: 's-1', secretName: 's-1' }, []],
])('an object of a namespace refers to %s', (_, spec, expected) => {
  expect(referencesOf(object('team', spec))).toEqual(expected)
})

test('an object of no namespace refers to what it names the namespace of', () => {
  const spec = { secret: named('s-1', { namespace: 'storage' }), otherSecret: named('s-2') }

  expect(referencesOf(object(undefined, spec))).toEqual(['secrets/storage/s-1'])
})
