/**
 * The libvirt name of a number, for people: `enumName(virDomainState, 1)` is `VIR_DOMAIN_RUNNING`.
 * A number that this release does not know is given as text.
 */
export function enumName(values: Readonly<Record<string, number>>, value: number): string {
  return Object.keys(values).find((name) => values[name] === value) ?? String(value)
}
