const apiVersion = 'rbac.authorization.k8s.io/v1'

export function role(name: string, rules: object[]) {
  return { apiVersion, kind: 'Role', metadata: { name }, rules }
}

export function clusterRole(name: string, rules: object[], more: object = {}) {
  return { apiVersion, kind: 'ClusterRole', metadata: { name, ...more }, rules }
}

export function binding(name: string, roleName: string, user: string, kind = 'ClusterRole') {
  return {
    apiVersion,
    kind: 'RoleBinding',
    metadata: { name },
    subjects: [{ kind: 'User', name: user }],
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind, name: roleName },
  }
}
