import { apply } from '../managed-fields/apply.ts'
import { updateManagedFields, type WriteContext } from '../managed-fields/update.ts'
import type { FieldOwnership, OwnershipRequest } from './field-ownership.ts'
import type { KubeObject } from './kube-object.ts'
import { apiVersionOf } from './resource-definition.ts'

/** Ownership as server-side apply defines it, over the schema of the version written. */
export const fieldOwnership: FieldOwnership = {
  afterUpdate: (request, next) =>
    updateManagedFields({ ...writeContext(request), old: request.current, new: next }) as KubeObject,
  apply: (request, configuration, force) =>
    apply({
      ...writeContext(request),
      live: request.current,
      applied: configuration,
      force,
      // As in Kubernetes, where built-in objects cannot hold a null.
      nulls: request.definition.custom ? 'keep' : 'drop',
    }).object as KubeObject,
}

function writeContext({ definition, manager, subresource, now }: OwnershipRequest): WriteContext {
  const statusApart = subresource === '' && definition.subresources['status'] !== undefined
  return {
    manager,
    subresource,
    schema: definition.schema.compiled,
    apiVersion: apiVersionOf(definition),
    time: now,
    ...(statusApart && { resetFields: ['status'] }),
  }
}
