import { parseFieldSelector } from '../../apimachinery/selectors/field-selector.ts'
import { parseLabelSelector } from '../../apimachinery/selectors/label-selector.ts'
import { badRequest } from '../../apimachinery/status-error.ts'
import type { CachedObject } from '../cache/cache.ts'
import type { KubeObject } from '../registry/kube-object.ts'
import type { ResourceDefinition } from '../registry/resource-definition.ts'

/** Which objects a list or watch is about. */
export interface Selection {
  /** Undefined when everything is selected. */
  readonly matches: ((item: CachedObject) => boolean) | undefined
  /** The one name that can match, when the field selector pins it. */
  readonly name: string | undefined
}

/** Reads `labelSelector` and `fieldSelector`. Throws BadRequest for a malformed one or a field that cannot be selected. */
export function parseSelection(definition: ResourceDefinition, query: URLSearchParams): Selection {
  const labelText = query.get('labelSelector') ?? ''
  const fieldText = query.get('fieldSelector') ?? ''
  if (labelText === '' && fieldText === '') return { matches: undefined, name: undefined }
  const labels = parseLabelSelector(labelText)
  const fields = parseFieldSelector(fieldText)
  for (const { path } of fields.requirements) checkSelectable(definition, path)
  if (labels.empty && fields.empty) return { matches: undefined, name: undefined }
  const matches = (item: CachedObject) => {
    const metadata: KubeObject['metadata'] = item.metadata
    if (!labels.empty && !labels.matches(metadata.labels ?? {})) return false
    return fields.empty || fields.matches((path) => fieldOf(definition, item, path))
  }
  return { matches, name: fields.exact('metadata.name') }
}

function fieldOf(definition: ResourceDefinition, item: CachedObject, path: string): string | undefined {
  const { name, namespace }: KubeObject['metadata'] = item.metadata
  if (path === 'metadata.name') return name
  if (path === 'metadata.namespace') return namespace
  return definition.selectableFields[path]?.(item.object as KubeObject)
}

function checkSelectable({ selectableFields, custom }: ResourceDefinition, path: string): void {
  if (path === 'metadata.name' || path === 'metadata.namespace') return
  if (Object.hasOwn(selectableFields, path)) return
  const onlyStandard = Object.keys(selectableFields).length === 0 && !custom
  throw badRequest(
    onlyStandard
      ? `${JSON.stringify(path)} is not a known field selector: only "metadata.name", "metadata.namespace"`
      : `field label not supported: ${path}`,
  )
}
