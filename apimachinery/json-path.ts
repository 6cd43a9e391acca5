import { RE2JS } from 're2js'
import { isJsonObject, type Json } from '../crds/meta/json.ts'
import { jsonEqual } from './patch/json-equal.ts'

/** Finds values in an object, in document order; none where the path leads nowhere. Throws an Error for a bad index. */
export type JsonPath = (root: Json) => Json[]

type Step = (values: Json[]) => Json[]

/** A path that is not understood. The message says where. */
export class JsonPathError extends Error {
  override readonly name = 'JsonPathError'
}

/**
 * Compiles Kubernetes' dialect of JSONPath as printer columns use it, without braces: `.status.phase`,
 * `.metadata.labels.example\.com/role`, `.spec.nics[0].name`, `.spec['a.b']`, `.items[*].x`, `.list[1:3]`,
 * `.list[0,2]`, `.spec['a','b']`, `.status.conditions[?(@.type=="Ready")].status`, `..name`. Throws a JsonPathError.
 */
export function compileJsonPath(text: string): JsonPath {
  const steps = new Parser(text).steps()
  return (root) => steps.reduce<Json[]>((values, step) => step(values), [root])
}

const comparisons: Partial<Record<string, (left: Json, right: Json) => boolean>> = {
  '==': (left, right) => jsonEqual(left, right),
  '!=': (left, right) => !jsonEqual(left, right),
  '<': (left, right) => order(left, right) < 0,
  '<=': (left, right) => order(left, right) <= 0,
  '>': (left, right) => order(left, right) > 0,
  '>=': (left, right) => order(left, right) >= 0,
}

/** NaN, for which every comparison fails, when the values are not two numbers or two texts. */
function order(left: Json, right: Json): number {
  if (typeof left === 'number' && typeof right === 'number') return left - right
  if (typeof left !== 'string' || typeof right !== 'string') return Number.NaN
  return left < right ? -1 : left > right ? 1 : 0
}

class Parser {
  readonly #text: string
  #position = 0

  constructor(text: string) {
    this.#text = text
  }

  steps(): Step[] {
    const steps: Step[] = []
    while (this.#position < this.#text.length) {
      const step = this.#step()
      if (step !== undefined) steps.push(step)
    }
    return steps
  }

  #fail(what: string): never {
    throw new JsonPathError(`${what} at position ${this.#position} of ${JSON.stringify(this.#text)}`)
  }

  #match(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#position
    const found = pattern.exec(this.#text)
    if (found === null) return undefined
    this.#position = pattern.lastIndex
    return found
  }

  #step(): Step | undefined {
    // The object itself, and space, say nothing.
    if (this.#match(/[@$ ]/y)) return undefined
    if (this.#match(/\.\.(?=[[.*]|$)/y)) return descendants
    if (this.#match(/\.\./y)) {
      this.#position -= 1
      const field = this.#field()
      return (values) => field(descendants(values))
    }
    if (this.#text.startsWith('.', this.#position)) return this.#field()
    if (this.#text.startsWith('[?(', this.#position)) return this.#filter()
    if (this.#text.startsWith('[', this.#position)) return this.#bracket()
    return this.#fail('unrecognized character')
  }

  #field(): Step {
    const found = this.#match(/\.((?:\\.|[^\\.,[\]$@{}\s])*)/y)
    if (found === undefined) this.#fail('expected a field')
    const name = (found[1] ?? '').replaceAll('\\', '')
    // A dot alone is the object itself.
    if (name === '') return (values) => values
    return name === '*' ? children : fieldStep(name)
  }

  #bracket(): Step {
    const quoted = this.#match(/\['((?:[^'\\]|\\.)*)'\]/y)
    if (quoted !== undefined) return fieldStep((quoted[1] ?? '').replaceAll('\\', ''))
    if (this.#match(/\[\*\]/y)) return slice(undefined, undefined, 1)
    const index = this.#match(/\[(-?\d+)\]/y)
    if (index !== undefined) return indexStep(Number(index[1]))
    const union = this.#union()
    if (union !== undefined) return union
    const range = this.#match(/\[(-?\d*):(-?\d*)(?::(\d*))?\]/y)
    if (range === undefined) return this.#fail('invalid array index')
    const [from, to, step] = range.slice(1).map((part) => (part ? Number(part) : undefined))
    if (step === 0) this.#fail('step must be > 0')
    return slice(from, to, step ?? 1)
  }

  /** `[0,2]` and `['a','b.c']`: what each member finds, one after the other. */
  #union(): Step | undefined {
    const found = this.#match(/\[((?:'[^']*'|-?\d+)(?:\s*,\s*(?:'[^']*'|-?\d+))+)\]/y)
    if (found === undefined) return undefined
    const paths = (found[1] ?? '').split(/\s*,\s*/).map((member) => {
      const steps = new Parser(member.startsWith("'") ? `.${member.slice(1, -1)}` : `[${member}]`).steps()
      return (values: Json[]) => steps.reduce<Json[]>((some, step) => step(some), values)
    })
    return (values) => paths.flatMap((path) => path(values))
  }

  #filter(): Step {
    const found = this.#match(/\[\?\(((?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^"')])*)\)\]/y)
    const text = found?.[1] ?? this.#fail('unterminated filter')
    const parts = /^([^!<>=]+?)\s*(==|!=|<=|>=|=~|<|>)\s*(.+)$/.exec(text)
    if (parts === null) {
      return /[!<>=]/.test(text)
        ? this.#fail('incomplete comparison')
        : existsFilter(compileJsonPath(text.trim()))
    }
    const [, left = '', operator = '', right = ''] = parts
    if (operator === '=~') return matchFilter(compileJsonPath(left), literalText(right))
    const compare = comparisons[operator] ?? this.#fail(`unrecognized filter operator ${operator}`)
    return compareFilter(compileJsonPath(left), compare, operand(right.trim()))
  }
}

function fieldStep(name: string): Step {
  return (values) => {
    const found: Json[] = []
    for (const value of values) {
      const member = isJsonObject(value) && Object.hasOwn(value, name) ? value[name] : undefined
      if (member !== undefined) found.push(member)
    }
    return found
  }
}

const children: Step = (values) => values.flatMap(childrenOf)

function childrenOf(value: Json): Json[] {
  if (typeof value !== 'object' || value === null) return []
  return Object.values(value).filter((child): child is Json => child !== undefined)
}

/** Every value with children, parents before their children. */
function descendants(values: Json[]): Json[] {
  return values.flatMap((value) => {
    const below = childrenOf(value)
    return below.length === 0 ? [] : [value, ...descendants(below)]
  })
}

function listsOf(values: Json[]): Json[][] {
  return values
    .filter((value) => value !== null)
    .map((value) => {
      if (!Array.isArray(value)) throw new JsonPathError('not an array')
      return value
    })
}

function indexStep(index: number): Step {
  return (values) =>
    listsOf(values).map((list) => {
      const item = list.at(index)
      if (item === undefined) {
        throw new JsonPathError(`array index out of bounds: index ${index}, length ${list.length}`)
      }
      return item
    })
}

function slice(from: number | undefined, to: number | undefined, step: number): Step {
  return (values) =>
    listsOf(values).flatMap((list) => list.slice(from, to).filter((_, index) => index % step === 0))
}

function existsFilter(path: JsonPath): Step {
  return (values) => listsOf(values).flatMap((list) => list.filter((item) => findIn(path, item).length > 0))
}

function findIn(path: JsonPath, item: Json): Json[] {
  try {
    return path(item)
  } catch {
    return []
  }
}

function compareFilter(left: JsonPath, compare: (left: Json, right: Json) => boolean, right: JsonPath): Step {
  return (values) =>
    listsOf(values).flatMap((list) =>
      list.filter((item) => {
        const [a] = left(item)
        const [b] = right(item)
        return a !== undefined && b !== undefined && compare(a, b)
      }),
    )
}

function matchFilter(left: JsonPath, source: string): Step {
  const pattern = compilePattern(source)
  return (values) =>
    listsOf(values).flatMap((list) =>
      list.filter((item) => {
        const [value] = left(item)
        return typeof value === 'string' && pattern.test(value)
      }),
    )
}

function compilePattern(source: string): RE2JS {
  try {
    return RE2JS.compile(source)
  } catch (error) {
    throw new JsonPathError(error instanceof Error ? error.message : String(error))
  }
}

function operand(text: string): JsonPath {
  if (/^[@$.[]/.test(text)) return compileJsonPath(text)
  const value = literal(text)
  return () => [value]
}

function literal(text: string): Json {
  if (/^["']/.test(text)) return literalText(text)
  if (text === 'true' || text === 'false') return text === 'true'
  if (/^[-+]?\d+(\.\d+)?$/.test(text)) return Number(text)
  throw new JsonPathError(`cannot understand ${text}`)
}

function literalText(text: string): string {
  const found = /^(["'])(.*)\1$/.exec(text.trim())
  if (found === null) throw new JsonPathError(`unterminated quoted string ${text}`)
  return (found[2] ?? '').replace(/\\(.)/g, '$1')
}
