interface Entry {
  readonly manager: string
  readonly operation: string
  readonly apiVersion: string
  readonly subresource?: string
  readonly fieldsV1?: object
}

/** Who owns what: paths such as `.spec.items[{"name":"x"}].value` by manager, sorted. */
export function ownersOf(managedFields: readonly Entry[] | undefined): Record<string, readonly string[]> {
  const owners = (managedFields ?? []).map((entry): [string, string[]] => {
    const { manager, operation, apiVersion, subresource } = entry
    const version = apiVersion.split('/').at(-1) ?? ''
    const name = [manager, operation, version, ...(subresource ? [subresource] : [])].join(' ')
    return [name, pathsOf(entry.fieldsV1 ?? {}).toSorted()]
  })
  return Object.fromEntries(owners.toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

/** A node without children is a path of its own, and so is one that says `.`. */
function pathsOf(fields: object, prefix = ''): string[] {
  return Object.entries(fields).flatMap(([step, children]: [string, object]) => {
    if (step === '.') return [prefix]
    const path = `${prefix}${step.startsWith('f:') ? `.${step.slice(2)}` : `[${step.slice(2)}]`}`
    return Object.keys(children).length === 0 ? [path] : pathsOf(children, path)
  })
}
