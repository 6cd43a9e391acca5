import { serviceAccounts } from '../registry/builtin/identity.ts'
import { NamespaceContent, type ControllerDeps } from './namespace-content.ts'

const name = 'default'

/** Gives every namespace the account that programs use which are not given another. */
export function defaultAccounts(deps: ControllerDeps): NamespaceContent {
  return new NamespaceContent(deps, {
    name: 'default service accounts',
    definition: serviceAccounts,
    objectName: name,
    async ensure(namespace, current) {
      if (current) return
      await deps.local.createIfMissing(serviceAccounts, {
        apiVersion: 'v1',
        kind: 'ServiceAccount',
        metadata: { name, namespace },
      })
    },
  })
}
