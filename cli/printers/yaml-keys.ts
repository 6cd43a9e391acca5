/** The order in which go-yaml writes keys: letters after everything else, numbers in them by size. */
export function byYamlKey(a: string, b: string): number {
  const [left, right] = [Array.from(a), Array.from(b)]
  const at = left.findIndex((char, i) => char !== right[i])
  // One begins with all of the other.
  if (at === -1 || at >= right.length) return left.length - right.length
  return compareAt(left, right, at)
}

function compareAt(left: readonly string[], right: readonly string[], at: number): number {
  const [x = '', y = ''] = [left[at], right[at]]
  const [xIsLetter, yIsLetter] = [isLetter(x), isLetter(y)]
  // Within a number the one that ends here is the smaller one.
  if (xIsLetter !== yIsLetter) return isDigit(left[at - 1]) === xIsLetter ? -1 : 1
  const byLetter = x < y ? -1 : 1
  return xIsLetter ? byLetter : compareNumbers(left, right, at) || byLetter
}

const isLetter = (char: string) => /^\p{L}$/u.test(char)
const isDigit = (char: string | undefined) => char !== undefined && /^\d$/.test(char)

function compareNumbers(left: readonly string[], right: readonly string[], at: number): number {
  const x = digitsFrom(left, at)
  const y = digitsFrom(right, at)
  // A zero inside a number counts; one at its beginning does not.
  const before = left.slice(0, at).join('').match(/\d*$/)?.[0] ?? ''
  const lead = (x.startsWith('0') || y.startsWith('0')) && /[1-9]/.test(before) ? '1' : ''
  return Number(lead + x) - Number(lead + y) || x.length - y.length
}

function digitsFrom(chars: readonly string[], at: number): string {
  return /^\d*/.exec(chars.slice(at).join(''))?.[0] ?? ''
}
