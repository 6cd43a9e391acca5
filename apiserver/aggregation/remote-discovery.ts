import type { Json } from '../../crds/meta/json.ts'
import type { ApiResource, ApiSubresource } from '../discovery/api-resource.ts'
import { objectsAt, stringsAt, textAt } from '../registry/kube-object.ts'
import { allVerbs } from '../registry/resource-definition.ts'

/** The resources of an `APIResourceList`. Throws an Error when it is none of the group version that was asked for. */
export function resourcesIn(
  list: Json,
  { group, version }: { group: string; version: string },
): ApiResource[] {
  const groupVersion = `${group}/${version}`
  if (textAt(list, 'kind') !== 'APIResourceList' || textAt(list, 'groupVersion') !== groupVersion) {
    throw new Error(`the answer is no APIResourceList of ${groupVersion}`)
  }
  const entries = objectsAt(list, 'resources')
  return entries
    .filter((entry) => textAt(entry, 'name') !== '' && !textAt(entry, 'name').includes('/'))
    .map((entry) => ({
      group,
      version,
      kind: textAt(entry, 'kind'),
      plural: textAt(entry, 'name'),
      singular: textAt(entry, 'singularName'),
      namespaced: entry['namespaced'] === true,
      verbs: allVerbs.filter((verb) => stringsAt(entry, 'verbs').includes(verb)),
      shortNames: stringsAt(entry, 'shortNames'),
      categories: stringsAt(entry, 'categories'),
      subresources: entries
        .filter((other) => textAt(other, 'name').startsWith(`${textAt(entry, 'name')}/`))
        .map((other) => subresourceOf(other, { group, version })),
    }))
}

function subresourceOf(entry: Json, own: { group: string; version: string }): ApiSubresource {
  return {
    name: textAt(entry, 'name').split('/').slice(1).join('/'),
    verbs: stringsAt(entry, 'verbs'),
    response: {
      group: textAt(entry, 'group') || own.group,
      version: textAt(entry, 'version') || own.version,
      kind: textAt(entry, 'kind'),
    },
  }
}
