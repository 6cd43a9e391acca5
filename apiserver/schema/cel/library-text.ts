import type { Environment } from '@marcbachmann/cel-js'
import { EvaluationError } from '@marcbachmann/cel-js'
import { goQuote } from '../../../apimachinery/selectors/go-quote.ts'
import { RE2JS } from 're2js'
import { compilePattern, type Pattern } from '../pattern.ts'
import { formatText } from './format-text.ts'

/** What `matches` is called inside, since the one that is built in is not linear in time. */
export const matchesFunction = 'matchesRe2'

/** Patterns are mostly literals: each is compiled once, and few are kept. */
class PatternCache {
  readonly #patterns = new Map<string, RE2JS>()

  get(source: string): RE2JS {
    const known = this.#patterns.get(source)
    if (known !== undefined) return known
    const compiled: Pattern | string = compilePattern(source)
    if (typeof compiled === 'string') throw new EvaluationError(`error parsing regexp: ${compiled}`)
    const pattern = RE2JS.compile(source)
    if (this.#patterns.size >= 64) this.#patterns.clear()
    this.#patterns.set(source, pattern)
    return pattern
  }
}

/** Regular expressions (`matches`, `find`, `findAll`) and what Kubernetes adds to strings. */
export function registerText(environment: Environment): void {
  const patterns = new PatternCache()
  const matches = (text: string, source: string) => patterns.get(source).test(text)
  environment
    .registerFunction(`string.${matchesFunction}(string): bool`, matches)
    .registerFunction('matches(string, string): bool', matches)
    .registerFunction(
      'string.find(string): string',
      (text: string, source: string) => findAll(patterns.get(source), text, 1)[0] ?? '',
    )
    .registerFunction('string.findAll(string): list<string>', (text: string, source: string) =>
      findAll(patterns.get(source), text, -1),
    )
    .registerFunction(
      'string.findAll(string, int): list<string>',
      (text: string, source: string, limit: bigint) => findAll(patterns.get(source), text, Number(limit)),
    )
    .registerFunction('string.replace(string, string): string', (text: string, old: string, by: string) =>
      text.replaceAll(old, () => by),
    )
    .registerFunction('string.replace(string, string, int): string', replaceSome)
    .registerFunction('string.charAt(int): string', charAt)
    .registerFunction('string.reverse(): string', (text: string) => Array.from(text).toReversed().join(''))
    .registerFunction('string.format(list): string', (text: string, values: unknown[]) =>
      formatText(text, [...values]),
    )
  class StringsNamespace {}
  environment
    .registerType('StringsNamespace', StringsNamespace)
    .registerConstant({ name: 'strings', type: 'StringsNamespace', value: new StringsNamespace() })
    .registerFunction('StringsNamespace.quote(string): string', (_: unknown, text: string) => goQuote(text))
}

function findAll(pattern: RE2JS, text: string, limit: number): string[] {
  const found: string[] = []
  const matcher = pattern.matcher(text)
  while (found.length !== limit && matcher.find()) found.push(matcher.group() ?? '')
  return found
}

function replaceSome(text: string, old: string, by: string, limit: bigint): string {
  let left = Number(limit)
  if (left < 0) return text.replaceAll(old, () => by)
  return text.replaceAll(old, (found) => (left-- > 0 ? by : found))
}

function charAt(text: string, index: bigint): string {
  const characters = Array.from(text)
  if (index < 0n || index > BigInt(characters.length))
    throw new EvaluationError(`index out of range: ${index}`)
  return characters[Number(index)] ?? ''
}
