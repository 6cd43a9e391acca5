import { describe, expect, test } from 'vitest'
import type { Rule } from '../../../../apiserver/authorization/rbac-rules.ts'
import { describeRules, missingRights } from '../../../../apiserver/authorization/rule-cover.ts'

function rule(verbs: string, groups: string, resources: string, names = ''): Rule {
  return {
    verbs: verbs.split(','),
    apiGroups: groups.split(','),
    resources: resources.split(','),
    resourceNames: names.split(',').filter(Boolean),
    nonResourceURLs: [],
  }
}

function urls(verbs: string, paths: string): Rule {
  const none = { apiGroups: [], resources: [], resourceNames: [] }
  return { ...none, verbs: verbs.split(','), nonResourceURLs: paths.split(',') }
}

describe('missingRights', () => {
  test.each([
    { name: 'the same', held: [rule('get', '', 'secrets')], wanted: rule('get', '', 'secrets'), missing: 0 },
    { name: 'nothing held', held: [], wanted: rule('get,list', '', 'secrets,pods'), missing: 4 },
    {
      name: 'together from several rules',
      held: [rule('get', '', 'secrets,pods'), rule('list', '', 'pods')],
      wanted: rule('get,list', '', 'pods,secrets'),
      missing: 1,
    },
    { name: 'every verb', held: [rule('*', '', 'pods')], wanted: rule('fly', '', 'pods'), missing: 0 },
    { name: 'every verb wanted', held: [rule('get', '', 'pods')], wanted: rule('*', '', 'pods'), missing: 1 },
    { name: 'every group', held: [rule('get', '*', 'pods')], wanted: rule('get', 'a,b', 'pods'), missing: 0 },
    { name: 'every resource', held: [rule('get', '', '*')], wanted: rule('get', '', 'a/b'), missing: 0 },
    {
      name: 'a subresource of every resource',
      held: [rule('get', '', '*/scale')],
      wanted: rule('get', '', 'a/scale,a/status'),
      missing: 1,
    },
    {
      name: 'a resource is not its parts',
      held: [rule('get', '', 'a')],
      wanted: rule('get', '', 'a/b'),
      missing: 1,
    },
    { name: 'one name of all', held: [rule('get', '', 'a')], wanted: rule('get', '', 'a', 'x'), missing: 0 },
    { name: 'all of one name', held: [rule('get', '', 'a', 'x')], wanted: rule('get', '', 'a'), missing: 1 },
    {
      name: 'two of one name',
      held: [rule('get', '', 'a', 'x')],
      wanted: rule('get', '', 'a', 'x,y'),
      missing: 1,
    },
    {
      name: 'URLs under a prefix',
      held: [urls('get', '/a*')],
      wanted: urls('get', '/a/b,/a*,/b'),
      missing: 1,
    },
    { name: 'URLs are no resources', held: [rule('*', '*', '*')], wanted: urls('get', '/a'), missing: 1 },
  ])('$name', ({ held, wanted, missing }) => {
    expect(missingRights(held, [wanted])).toHaveLength(missing)
  })
})

test('rules are described as Kubernetes does, verbs for the same thing together', () => {
  const missing = missingRights(
    [],
    [rule('get,list', '', 'secrets'), rule('get', 'b', 'a', 'x,y'), urls('get', '/metrics')],
  )

  expect(describeRules(missing)).toEqual([
    '{APIGroups:[""], Resources:["secrets"], Verbs:["get" "list"]}',
    '{APIGroups:["b"], Resources:["a"], ResourceNames:["x"], Verbs:["get"]}',
    '{APIGroups:["b"], Resources:["a"], ResourceNames:["y"], Verbs:["get"]}',
    '{NonResourceURLs:["/metrics"], Verbs:["get"]}',
  ])
})
