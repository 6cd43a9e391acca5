import { expect, test } from 'vitest'
import type { Attributes } from '../../../../apiserver/authorization/authorizer.ts'
import { ruleAllows, ruleOf } from '../../../../apiserver/authorization/rbac-rules.ts'

const get: Attributes = {
  user: { name: 'u', groups: [] },
  isResource: true,
  verb: 'get',
  group: 'apps',
  version: 'v1',
  resource: 'things',
  subresource: '',
  namespace: 'default',
  name: 'one',
  path: '',
}
const rule = (more: object = {}) =>
  ruleOf({ verbs: ['get'], apiGroups: ['apps'], resources: ['things'], ...more })

test.each([
  ['the very thing', {}, {}, true],
  ['another verb', {}, { verb: 'list' }, false],
  ['every verb', { verbs: ['*'] }, { verb: 'list' }, true],
  ['another group', {}, { group: '' }, false],
  ['every group', { apiGroups: ['*'] }, { group: '' }, true],
  ['a subresource that is not named', {}, { subresource: 'status' }, false],
  ['a subresource that is named', { resources: ['things/status'] }, { subresource: 'status' }, true],
  ['one subresource of everything', { resources: ['*/status'] }, { subresource: 'status' }, true],
  ['the resource under a rule for its subresource', { resources: ['things/status'] }, {}, false],
  ['every resource', { resources: ['*'] }, { subresource: 'status' }, true],
  ['a named object', { resourceNames: ['one'] }, {}, true],
  ['another object', { resourceNames: ['two'] }, {}, false],
  ['a list under names', { resourceNames: ['one'], verbs: ['list'] }, { verb: 'list', name: '' }, false],
  ['a path', { nonResourceURLs: ['/metrics'] }, { isResource: false, path: '/metrics' }, true],
  ['what is below a path', { nonResourceURLs: ['/apis/*'] }, { isResource: false, path: '/apis/x' }, true],
  ['a path beside it', { nonResourceURLs: ['/apis/*'] }, { isResource: false, path: '/api' }, false],
  ['a path under a rule for resources', {}, { isResource: false, path: '/metrics' }, false],
])('%s', (_, more, wanted, allowed) => {
  expect(ruleAllows(rule(more), { ...get, ...wanted })).toBe(allowed)
})
