import { badRequest } from '../status-error.ts'
import { goQuote } from './go-quote.ts'
import { labelKeyErrors, labelValueErrors } from './label-syntax.ts'

export type LabelOperator = '=' | '==' | '!=' | 'in' | 'notin' | 'exists' | '!' | 'gt' | 'lt'

/** One condition on one label. `values` is empty for `exists` and `!`, has one entry for all but `in` and `notin`. */
export interface LabelRequirement {
  readonly key: string
  readonly operator: LabelOperator
  readonly values: readonly string[]
}

/** `metav1.LabelSelector` as it stands in specs. */
export interface LabelSelectorSpec {
  readonly matchLabels?: Readonly<Record<string, string>> | undefined
  readonly matchExpressions?:
    | readonly {
        readonly key: string
        readonly operator: string
        readonly values?: readonly string[] | undefined
      }[]
    | undefined
}

type Labels = Readonly<Record<string, string>>

/** The conjunction of its requirements, which are sorted by key. */
export class LabelSelector {
  readonly requirements: readonly LabelRequirement[]
  readonly #tests: readonly ((labels: Labels) => boolean)[]

  constructor(requirements: readonly LabelRequirement[]) {
    this.requirements = requirements.toSorted((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
    this.#tests = this.requirements.map(testOf)
  }

  /** True when nothing is required, so that everything matches. */
  get empty(): boolean {
    return this.requirements.length === 0
  }

  matches(labels: Labels | undefined): boolean {
    const present = labels ?? noLabels
    for (const test of this.#tests) if (!test(present)) return false
    return true
  }

  /** The canonical text, which parses back to an equal selector. */
  toString(): string {
    return this.requirements.map(requirementText).join(',')
  }
}

const noLabels: Labels = Object.freeze({})

/**
 * Parses the text of a `labelSelector` query parameter: `a=b,c!=d,e in (f,g),h notin (i),j,!k,n>1`.
 * Throws a BadRequest StatusError with Kubernetes' wording.
 */
export function parseLabelSelector(text: string): LabelSelector {
  return new LabelSelector(new Parser(tokenize(text)).parse())
}

/** Compiles the selector of a spec. Throws a BadRequest StatusError when an expression is not valid. */
export function labelSelectorFrom(spec: LabelSelectorSpec): LabelSelector {
  const requirements: LabelRequirement[] = []
  for (const [key, value] of Object.entries(spec.matchLabels ?? {})) {
    requirements.push(checkedRequirement(key, '=', [value]))
  }
  for (const { key, operator, values } of spec.matchExpressions ?? []) {
    const parsed = specOperators[operator]
    if (parsed === undefined) throw badRequest(`${goQuote(operator)} is not a valid label selector operator`)
    requirements.push(checkedRequirement(key, parsed, values ?? []))
  }
  return new LabelSelector(requirements)
}

const specOperators: Partial<Record<string, LabelOperator>> = {
  In: 'in',
  NotIn: 'notin',
  Exists: 'exists',
  DoesNotExist: '!',
}

function testOf({ key, operator, values }: LabelRequirement): (labels: Labels) => boolean {
  const [only = ''] = values
  switch (operator) {
    case '=':
    case '==':
      return (labels) => Object.hasOwn(labels, key) && labels[key] === only
    case 'in':
      return (labels) => Object.hasOwn(labels, key) && values.includes(labels[key] ?? '')
    case '!=':
    case 'notin':
      return (labels) => !Object.hasOwn(labels, key) || !values.includes(labels[key] ?? '')
    case 'exists':
      return (labels) => Object.hasOwn(labels, key)
    case '!':
      return (labels) => !Object.hasOwn(labels, key)
    case 'gt':
    case 'lt':
      return comparison(key, operator, parseInt64(only) ?? 0n)
  }
}

function comparison(key: string, operator: 'gt' | 'lt', bound: bigint): (labels: Labels) => boolean {
  return (labels) => {
    const value = Object.hasOwn(labels, key) ? parseInt64(labels[key] ?? '') : undefined
    if (value === undefined) return false
    return operator === 'gt' ? value > bound : value < bound
  }
}

function parseInt64(text: string): bigint | undefined {
  if (!/^[+-]?[0-9]+$/.test(text)) return undefined
  const value = BigInt(text.startsWith('+') ? text.slice(1) : text)
  return BigInt.asIntN(64, value) === value ? value : undefined
}

function requirementText({ key, operator, values }: LabelRequirement): string {
  const listed = values.toSorted().join(',')
  switch (operator) {
    case 'exists':
      return key
    case '!':
      return `!${key}`
    case 'in':
    case 'notin':
      return `${key} ${operator} (${listed})`
    case 'gt':
      return `${key}>${listed}`
    case 'lt':
      return `${key}<${listed}`
    case '=':
    case '==':
    case '!=':
      return `${key}${operator}${listed}`
  }
}

function checkedRequirement(
  key: string,
  operator: LabelOperator,
  values: readonly string[],
): LabelRequirement {
  const errors: string[] = []
  const invalid = (path: string, value: string | readonly string[], detail: string) => {
    const shown = typeof value === 'string' ? goQuote(value) : JSON.stringify(value)
    errors.push(`${path}: Invalid value: ${shown}: ${detail}`)
  }
  const keyErrors = labelKeyErrors(key)
  if (keyErrors.length > 0) invalid('key', key, keyErrors.join('; '))
  const { fits, complaint } = valueCounts[operator]
  if (!fits(values.length)) invalid('values', values, complaint)
  for (const [index, value] of values.entries()) {
    if ((operator === 'gt' || operator === 'lt') && parseInt64(value) === undefined) {
      invalid(`values[${index}]`, value, "for 'Gt', 'Lt' operators, the value must be an integer")
    }
    const valueErrors = labelValueErrors(value)
    if (valueErrors.length > 0) invalid(`values[${index}][${key}]`, value, valueErrors.join('; '))
  }
  if (errors.length === 0) return { key, operator, values }
  throw badRequest(errors.length === 1 ? (errors[0] ?? '') : `[${errors.join(', ')}]`)
}

const oneValue = (count: number) => count === 1
const noValue = (count: number) => count === 0
const someValues = (count: number) => count > 0
const exact = { fits: oneValue, complaint: 'exact-match compatibility requires one single value' }
const unary = { fits: noValue, complaint: 'values set must be empty for exists and does not exist' }
const setBased = { fits: someValues, complaint: "for 'in', 'notin' operators, values set can't be empty" }
const ordered = { fits: oneValue, complaint: "for 'Gt', 'Lt' operators, exactly one value is required" }
const valueCounts: Record<LabelOperator, { fits: (count: number) => boolean; complaint: string }> = {
  '=': exact,
  '==': exact,
  '!=': exact,
  in: setBased,
  notin: setBased,
  exists: unary,
  '!': unary,
  gt: ordered,
  lt: ordered,
}

interface Token {
  readonly kind: 'word' | 'symbol' | 'error' | 'end'
  readonly text: string
}

const symbols = new Set(['=', '==', '!=', '!', '(', ')', ',', '>', '<'])
const end: Token = { kind: 'end', text: '' }

function tokenize(text: string): Token[] {
  const tokens: Token[] = []
  for (const [run] of text.matchAll(/[=!(),><]+|[^=!(),><\s]+/g)) {
    if (!/^[=!(),><]/.test(run)) {
      tokens.push({ kind: 'word', text: run })
      continue
    }
    for (let rest = run; rest !== '';) {
      const size = symbols.has(rest.slice(0, 2)) ? 2 : 1
      tokens.push({ kind: 'symbol', text: rest.slice(0, size) })
      rest = rest.slice(size)
    }
  }
  tokens.push(end)
  return tokens
}

const binaryOperators: Partial<Record<string, LabelOperator>> = {
  in: 'in',
  notin: 'notin',
  '=': '=',
  '==': '==',
  '!=': '!=',
  '>': 'gt',
  '<': 'lt',
}

class Parser {
  readonly #tokens: readonly Token[]
  #position = 0

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens
  }

  parse(): LabelRequirement[] {
    const requirements: LabelRequirement[] = []
    if (this.#next.kind === 'end') return requirements
    if (!startsRequirement(this.#next)) {
      throw badRequest(`found '${this.#next.text}', expected: !, identifier, or 'end of string'`)
    }
    for (;;) {
      requirements.push(this.#requirement())
      const separator = this.#take()
      if (separator.kind === 'end') return requirements
      if (separator.text !== ',')
        throw badRequest(`found '${separator.text}', expected: ',' or 'end of string'`)
      if (!startsRequirement(this.#next)) {
        throw badRequest(`found '${this.#next.text}', expected: identifier after ','`)
      }
    }
  }

  get #next(): Token {
    return this.#tokens[this.#position] ?? end
  }

  #take(): Token {
    const token = this.#next
    this.#position += 1
    return token
  }

  #fail(message: string): never {
    throw badRequest(`unable to parse requirement: ${message}`)
  }

  #requirement(): LabelRequirement {
    const negated = this.#next.text === '!' && this.#take() !== undefined
    const key = this.#take()
    if (key.kind !== 'word') this.#fail(`found '${key.text}', expected: identifier`)
    const errors = labelKeyErrors(key.text)
    if (errors.length > 0) this.#fail(`<nil>: Invalid value: ${goQuote(key.text)}: ${errors.join('; ')}`)
    if (negated) return { key: key.text, operator: '!', values: [] }
    if (this.#next.kind === 'end' || this.#next.text === ',')
      return { key: key.text, operator: 'exists', values: [] }

    const word = this.#take()
    const operator = binaryOperators[word.text]
    if (operator === undefined) this.#fail(`found '${word.text}', expected: in, notin, =, ==, !=, gt, lt`)
    const values = operator === 'in' || operator === 'notin' ? this.#valueList() : [this.#exactValue()]
    try {
      return checkedRequirement(key.text, operator, values)
    } catch (error) {
      this.#fail((error as Error).message)
    }
  }

  #exactValue(): string {
    if (this.#next.kind === 'end' || this.#next.text === ',') return ''
    const token = this.#take()
    if (token.kind !== 'word') this.#fail(`found '${token.text}', expected: identifier`)
    return token.text
  }

  /** `(a,b)`; `()` and a missing item both mean the empty string. */
  #valueList(): string[] {
    const open = this.#take()
    if (open.text !== '(') this.#fail(`found '${open.text}' expected: '('`)
    const values = new Set<string>()
    for (;;) {
      const token = this.#take()
      values.add(token.kind === 'word' ? token.text : '')
      if (token.text === ')') break
      if (token.text === ',') continue
      if (token.kind !== 'word') this.#fail(`found '${token.text}', expected: ',', or identifier`)
      const separator = this.#take()
      if (separator.text === ')') break
      if (separator.text !== ',') this.#fail(`found '${separator.text}', expected: ',' or ')'`)
    }
    return [...values].toSorted()
  }
}

const startsRequirement = (token: Token) => token.kind === 'word' || token.text === '!'
