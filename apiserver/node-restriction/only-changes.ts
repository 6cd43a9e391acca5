import { jsonEqual } from '../../apimachinery/patch/json-equal.ts'
import type { JsonObject } from '../../crds/meta/json.ts'
import type { KubeObject } from '../registry/kube-object.ts'

/** Whether `next` differs from `current` in finalizers of the daemon at most; `status` is another matter. */
export function onlyFinalizersChange(next: KubeObject, current: KubeObject, own: readonly string[]): boolean {
  return (
    jsonEqual(withoutServerFields(next), withoutServerFields(current)) &&
    jsonEqual(foreign(next, own), foreign(current, own))
  )
}

/** Everything that somebody decides: not versions, field owners, finalizers or status. */
function withoutServerFields({ metadata, status: _status, ...rest }: KubeObject): JsonObject {
  const {
    resourceVersion: _version,
    managedFields: _managers,
    generation: _generation,
    finalizers: _finalizers,
    ...meta
  } = metadata
  return { ...rest, metadata: meta }
}

function foreign({ metadata }: KubeObject, own: readonly string[]): string[] {
  return (metadata.finalizers ?? []).filter((name) => !own.includes(name))
}
