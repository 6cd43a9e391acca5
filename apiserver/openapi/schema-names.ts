/** Names of component schemas, as Kubernetes forms them from packages and reversed group names. */
export const metaPackage = 'io.k8s.apimachinery.pkg.apis.meta.v1'

const packages: Partial<Record<string, string>> = {
  '': 'io.k8s.api.core',
  'apiextensions.k8s.io': 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions',
  'apiregistration.k8s.io': 'io.k8s.kube-aggregator.pkg.apis.apiregistration',
}

/** The name of a kind's schema: `io.k8s.api.core.v1.Secret`, `dev.kvorum.v1alpha1.VirtualMachine`. */
export function schemaName(group: string, version: string, kind: string): string {
  return `${packageOf(group)}.${version}.${kind}`
}

function packageOf(group: string): string {
  const known = packages[group]
  if (known !== undefined) return known
  const labels = group.split('.')
  if (group.endsWith('.k8s.io') || labels.length === 1) return `io.k8s.api.${labels[0]}`
  return labels.toReversed().join('.')
}

export function schemaRef(name: string): { $ref: string } {
  return { $ref: `#/components/schemas/${name}` }
}
