import { describe, expect, test } from 'vitest'
import { RbacIndex } from '../../../../apiserver/authorization/rbac-index.ts'
import type { KubeObject } from '../../../../apiserver/registry/kube-object.ts'

const apiVersion = 'rbac.authorization.k8s.io/v1'

function role(kind: 'Role' | 'ClusterRole', name: string, verb: string, namespace?: string): KubeObject {
  const metadata = { name, ...(namespace !== undefined && { namespace }) }
  return { apiVersion, kind, metadata, rules: [{ verbs: [verb], apiGroups: [''], resources: ['x'] }] }
}

function binding(name: string, roleRef: object, subjects: object[], namespace?: string): KubeObject {
  const metadata = { name, ...(namespace !== undefined && { namespace }) }
  return JSON.parse(JSON.stringify({ apiVersion, kind: 'any', metadata, roleRef, subjects })) as KubeObject
}

const view = { kind: 'ClusterRole', name: 'view' }
const ann = { kind: 'User', name: 'ann' }

function verbs(index: RbacIndex, user: string, namespace: string, groups: readonly string[] = []) {
  return [...index.grantsOf({ name: user, groups }, namespace)].map(({ rules }) => rules?.[0]?.verbs[0])
}

describe('RbacIndex', () => {
  test('a cluster role is held where the binding is, or everywhere', () => {
    const index = new RbacIndex()
    index.setRole('ClusterRole', role('ClusterRole', 'view', 'get'))
    index.setBinding('/a', binding('b', view, [ann], 'lab'))
    index.setBinding('/b', binding('b', view, [{ kind: 'Group', name: 'people' }]))

    expect(verbs(index, 'ann', 'lab')).toEqual(['get'])
    expect(verbs(index, 'ann', 'other')).toEqual([])
    expect(verbs(index, 'ann', '')).toEqual([])
    expect(verbs(index, 'bob', 'other', ['people'])).toEqual(['get'])
    expect(verbs(index, 'people', 'other')).toEqual([])
  })

  test('roles of the same name in several namespaces are kept apart', () => {
    const index = new RbacIndex()
    index.setRole('Role', role('Role', 'r', 'get', 'one'))
    index.setRole('Role', role('Role', 'r', 'list', 'two'))
    index.setBinding('/1', binding('b', { kind: 'Role', name: 'r' }, [ann], 'one'))
    index.setBinding('/2', binding('b', { kind: 'Role', name: 'r' }, [ann], 'two'))

    expect(verbs(index, 'ann', 'one')).toEqual(['get'])
    expect(verbs(index, 'ann', 'two')).toEqual(['list'])
  })

  test('service accounts are users of their namespace, that of the binding when none is said', () => {
    const index = new RbacIndex()
    index.setRole('ClusterRole', role('ClusterRole', 'view', 'get'))
    const subjects = [
      { kind: 'ServiceAccount', name: 'robot' },
      { kind: 'ServiceAccount', name: 'robot', namespace: 'other' },
    ]
    index.setBinding('/1', binding('b', view, subjects, 'lab'))

    expect(verbs(index, 'system:serviceaccount:lab:robot', 'lab')).toEqual(['get'])
    expect(verbs(index, 'system:serviceaccount:other:robot', 'lab')).toEqual(['get'])
    const [grant] = index.grantsOf({ name: 'system:serviceaccount:lab:robot', groups: [] }, 'lab')
    expect(grant?.reason).toBe(
      'RBAC: allowed by RoleBinding "b/lab" of ClusterRole "view" to ServiceAccount "robot/lab"',
    )
  })

  test('changes and deletions count at once, in either order of role and binding', () => {
    const index = new RbacIndex()
    index.setBinding('/1', binding('b', view, [ann, { kind: 'User', name: 'bob' }]))
    const [before] = index.grantsOf({ name: 'ann', groups: [] }, '')
    expect(before).toMatchObject({ rules: undefined, role: 'clusterrole.rbac.authorization.k8s.io "view"' })

    index.setRole('ClusterRole', role('ClusterRole', 'view', 'get'))
    expect(verbs(index, 'ann', '')).toEqual(['get'])
    index.setRole('ClusterRole', role('ClusterRole', 'view', 'list'))
    expect(verbs(index, 'ann', '')).toEqual(['list'])

    index.setBinding('/1', binding('b', view, [{ kind: 'User', name: 'bob' }]))
    expect(verbs(index, 'ann', '')).toEqual([])
    expect(verbs(index, 'bob', '')).toEqual(['list'])
    index.deleteBinding('/1')
    expect(verbs(index, 'bob', '')).toEqual([])
  })
})
