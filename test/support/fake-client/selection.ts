import type { ApiResource, ListOptions } from '../../../apimachinery/client/client.ts'
import { parseFieldSelector } from '../../../apimachinery/selectors/field-selector.ts'
import { parseLabelSelector } from '../../../apimachinery/selectors/label-selector.ts'
import { badRequest } from '../../../apimachinery/status-error.ts'
import { isJsonObject, type Json } from '../../../crds/meta/json.ts'
import { kindOf } from './object-rules.ts'
import type { Item } from './object-store.ts'

/** Whether an object is in the namespace and matches the selectors. Throws BadRequest for a field that cannot be selected by. */
export function selection(resource: ApiResource, options: ListOptions): (item: Item) => boolean {
  const labels = parseLabelSelector(options.labelSelector ?? '')
  const fields = parseFieldSelector(options.fieldSelector ?? '')
  const selectable = new Set([
    'metadata.name',
    'metadata.namespace',
    ...(kindOf(resource)?.selectableFields ?? []).map((path) => path.slice(1)),
  ])
  for (const { path } of fields.requirements) {
    if (!selectable.has(path)) throw badRequest(`field label not supported: ${path}`)
  }
  return (item) =>
    (options.namespace === undefined || item.metadata.namespace === options.namespace) &&
    labels.matches(item.metadata.labels) &&
    fields.matches((path) => fieldText(item, path))
}

function fieldText(item: Item, path: string): string | undefined {
  let value = item as unknown as Json | undefined
  for (const key of path.split('.')) value = isJsonObject(value) ? value[key] : undefined
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? String(value)
    : undefined
}
