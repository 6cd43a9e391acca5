/** What every encrypted value begins with. */
const mark = Buffer.from('k8s:enc:')

/** Whether a stored value is encrypted. */
export function isSealed(value: Buffer): boolean {
  return value.length >= mark.length && mark.compare(value, 0, mark.length) === 0
}
