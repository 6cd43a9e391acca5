import type { Attributes } from '../../../../apiserver/authorization/authorizer.ts'

/** Somebody gets a config map, unless something else is said. */
export function attributes(given: Partial<Attributes>): Attributes {
  return {
    user: { name: 'ann', groups: [] },
    isResource: true,
    verb: 'get',
    group: '',
    version: 'v1',
    resource: 'configmaps',
    subresource: '',
    namespace: 'default',
    name: 'one',
    path: '',
    ...given,
  }
}
