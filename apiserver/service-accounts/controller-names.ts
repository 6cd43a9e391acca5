/** What works in the background, by the names that kube-controller-manager has for it. */
export const controllerNames = [
  'root-ca-certificate-publisher-controller',
  'serviceaccount-controller',
  'serviceaccount-token-controller',
  'token-cleaner-controller',
] as const

export type ControllerName = (typeof controllerNames)[number]

/**
 * The controllers that a list of `*`, `name` and `-name` selects, as kube-controller-manager reads it. Returns the
 * first entry that names none.
 */
export function selectControllers(
  list: readonly string[],
): ReadonlySet<ControllerName> | { unknown: string } {
  const known: readonly string[] = controllerNames
  const unknown = list.find((entry) => entry !== '*' && !known.includes(entry.replace(/^-/, '')))
  if (unknown !== undefined) return { unknown }
  const isOn = (name: ControllerName) =>
    !list.includes(`-${name}`) && (list.includes(name) || list.includes('*'))
  return new Set(controllerNames.filter(isOn))
}
