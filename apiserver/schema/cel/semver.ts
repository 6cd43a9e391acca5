/** A semantic version as CEL's `semver()` makes it. */
export interface Semver {
  readonly major: bigint
  readonly minor: bigint
  readonly patch: bigint
  readonly prerelease: readonly string[]
}

const number = '(?:0|[1-9][0-9]*)'
const identifier = `(?:${number}|[0-9]*[a-zA-Z-][0-9a-zA-Z-]*)`
const shape = new RegExp(
  `^(${number})\\.(${number})\\.(${number})(?:-(${identifier}(?:\\.${identifier})*))?(?:\\+[0-9a-zA-Z-]+(?:\\.[0-9a-zA-Z-]+)*)?$`,
)

/** Undefined for what is no version. `lenient` takes a leading `v`, leading zeros, and missing minor and patch. */
export function parseSemver(text: string, lenient: boolean): Semver | undefined {
  const found = text.length > 256 ? null : shape.exec(lenient ? completed(text) : text)
  if (found === null) return undefined
  const [, major = '0', minor = '0', patch = '0', prerelease] = found
  return {
    major: BigInt(major),
    minor: BigInt(minor),
    patch: BigInt(patch),
    prerelease: prerelease === undefined ? [] : prerelease.split('.'),
  }
}

function completed(text: string): string {
  const [, numbers = '', rest = ''] = /^v?([0-9.]*)(.*)$/s.exec(text.trim()) ?? []
  const parts = numbers.split('.').map((part) => part.replace(/^0+(?=[0-9])/, ''))
  while (parts.length < 3) parts.push('0')
  return `${parts.join('.')}${rest}`
}

/** Negative, zero or positive, by the precedence of semver.org. */
export function compareSemver(a: Semver, b: Semver): number {
  for (const part of ['major', 'minor', 'patch'] as const)
    if (a[part] !== b[part]) return a[part] < b[part] ? -1 : 1
  if (a.prerelease.length === 0 || b.prerelease.length === 0) return b.prerelease.length - a.prerelease.length
  for (const [index, mine] of a.prerelease.entries()) {
    const theirs = b.prerelease[index]
    if (theirs === undefined) return 1
    const order = compareIdentifiers(mine, theirs)
    if (order !== 0) return order
  }
  return a.prerelease.length - b.prerelease.length
}

function compareIdentifiers(a: string, b: string): number {
  const [x, y] = [/^[0-9]+$/.test(a), /^[0-9]+$/.test(b)]
  if (x !== y) return x ? -1 : 1
  if (x) return Number(BigInt(a) - BigInt(b))
  return a < b ? -1 : a > b ? 1 : 0
}
