import { describe, expect, test } from 'vitest'
import { compileRules, type RuleSubject } from '../../../../apiserver/admission/matching/rules.ts'
import { configMaps } from '../../../../apiserver/registry/builtin/config.ts'
import { leases } from '../../../../apiserver/registry/builtin/coordination.ts'
import { namespaces } from '../../../../apiserver/registry/builtin/namespaces.ts'

const subject = (more: Partial<RuleSubject> = {}): RuleSubject => ({
  operation: 'CREATE',
  definition: configMaps,
  namespace: 'default',
  subresource: '',
  name: 'a',
  ...more,
})

const rule = (more: object = {}) => ({
  operations: ['CREATE'],
  apiGroups: [''],
  apiVersions: ['v1'],
  resources: ['configmaps'],
  ...more,
})

function matches(more: object, ofSubject: Partial<RuleSubject> = {}): boolean {
  const [compiled] = compileRules({ rules: [{ ...rule(), ...more }] }, 'rules')
  return compiled?.matches(subject(ofSubject)) ?? false
}

describe('a rule', () => {
  test.each<[string, object, Partial<RuleSubject>, boolean]>([
    ['its own resource', {}, {}, true],
    ['no other operation', {}, { operation: 'DELETE' }, false],
    ['any operation', { operations: ['*'] }, { operation: 'CONNECT' }, true],
    ['no other group', {}, { definition: leases }, false],
    ['any group', { apiGroups: ['*'], resources: ['*'] }, { definition: leases }, true],
    ['no other version', { apiVersions: ['v2'] }, {}, false],
    ['no subresource by itself', {}, { subresource: 'status' }, false],
    ['no subresource by any resource', { resources: ['*'] }, { subresource: 'status' }, false],
    ['one subresource', { resources: ['configmaps/status'] }, { subresource: 'status' }, true],
    ['that subresource alone', { resources: ['configmaps/status'] }, {}, false],
    ['all subresources of one, and itself', { resources: ['configmaps/*'] }, {}, true],
    ['a subresource of all', { resources: ['*/status'] }, { subresource: 'status' }, true],
    ['everything', { resources: ['*/*'] }, { subresource: 'scale' }, true],
    ['what is in a namespace', { scope: 'Namespaced' }, {}, true],
    [
      'nothing cluster-wide then',
      { scope: 'Namespaced', resources: ['*'] },
      { definition: namespaces, namespace: 'a' },
      false,
    ],
    [
      'namespaces as cluster-wide',
      { scope: 'Cluster', resources: ['*'] },
      { definition: namespaces, namespace: 'a' },
      true,
    ],
    ['one name', { resourceNames: ['a'] }, {}, true],
    ['no other name', { resourceNames: ['b'] }, {}, false],
  ])('matches %s', (_, more, ofSubject, expected) => {
    expect(matches(more, ofSubject)).toBe(expected)
  })
})
