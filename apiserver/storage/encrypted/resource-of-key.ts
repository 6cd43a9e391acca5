import type { GroupResource } from './encryption-config.ts'

/** A built-in kind, as far as its place in the store goes. */
export interface StoredKind {
  readonly group: string
  readonly plural: string
  readonly stored: { readonly prefix: string }
}

/**
 * Tells which resource a key belongs to: a built-in kind by its prefix, everything else by
 * `/registry/<group>/<plural>/`.
 */
export function resourceOfKeys(builtIn: readonly StoredKind[]): (key: string) => GroupResource {
  const known = new Map<string, GroupResource>()
  for (const { group, plural, stored } of builtIn) {
    if (!known.has(stored.prefix)) known.set(stored.prefix, { group, resource: plural })
  }
  return (key) => {
    const [, root = '', first = '', second = ''] = key.split('/', 4)
    return (
      known.get(`/${root}/${first}/`) ??
      known.get(`/${root}/${first}/${second}/`) ?? { group: first, resource: second }
    )
  }
}
