import { EvaluationError, Optional, type Environment } from '@marcbachmann/cel-js'
import type { ExpressionNode } from './syntax.ts'

/** What the checker and the evaluator of cel-js offer to macros. */
interface Checker {
  check(node: ExpressionNode, context: Context): MacroType
  getType(name: string): MacroType
}

interface Evaluator {
  run(node: ExpressionNode, context: Context): unknown
}

interface Context {
  forkWithVariable(name: string, type: MacroType): Overlay
}

/** Variables on top of those of a context; used again for every evaluation. */
interface Overlay extends Context {
  reuse(parent: Context): Overlay
  setIterValue(value: unknown, evaluator: Evaluator): Overlay
}

interface MacroType {
  readonly kind: string
  readonly name: string
  readonly keyType?: MacroType
  readonly valueType?: MacroType
  toString(): string
}

interface MacroCall {
  readonly ast: ExpressionNode
  readonly receiver: ExpressionNode
  readonly args: readonly ExpressionNode[]
}

/** What a handler of a macro has to return; the checker calls `typeCheck` once and before any evaluation. */
interface Macro {
  typeCheck(checker: Checker, macro: unknown, context: Context): MacroType
  evaluate(evaluator: Evaluator, macro: unknown, context: Context): unknown
}

/** The macros on optional values, and the loops with two variables: index and element, or key and value. */
export function registerMacros(environment: Environment): void {
  const register = (signature: string, macro: (call: MacroCall) => Macro) =>
    environment.registerFunction(signature, macro as (...args: unknown[]) => unknown)
  register('optional.optMap(ast, ast): optional<dyn>', (call) => optionalMacro(call, true))
  register('optional.optFlatMap(ast, ast): optional<dyn>', (call) => optionalMacro(call, false))
  register('list.all(ast, ast, ast): bool', (call) => pairMacro(call, quantifier(false)))
  register('list.exists(ast, ast, ast): bool', (call) => pairMacro(call, quantifier(true)))
  register('list.existsOne(ast, ast, ast): bool', (call) => pairMacro(call, exactlyOne))
  register('list.exists_one(ast, ast, ast): bool', (call) => pairMacro(call, exactlyOne))
  register('list.transformList(ast, ast, ast): list<dyn>', (call) => pairMacro(call, transformList))
  register('list.transformList(ast, ast, ast, ast): list<dyn>', (call) => pairMacro(call, transformList))
  register('list.transformMap(ast, ast, ast): map<dyn, dyn>', (call) => pairMacro(call, transformMap))
  register('list.transformMap(ast, ast, ast, ast): map<dyn, dyn>', (call) => pairMacro(call, transformMap))
}

function variableName(node: ExpressionNode | undefined): string {
  if (node?.op === 'id' && typeof node.args === 'string') return node.args
  throw new EvaluationError('argument must be a simple name')
}

function optionalMacro({ ast, receiver, args }: MacroCall, wrap: boolean): Macro {
  const [variable, body = ast] = args
  const name = variableName(variable)
  let bound: Overlay | undefined
  return {
    typeCheck(checker, _, context) {
      const type = checker.check(receiver, context)
      bound = context.forkWithVariable(name, type.valueType ?? checker.getType('dyn'))
      const result = checker.check(body, bound)
      ast.setMeta('async', false)
      if (wrap) return checker.getType(`optional<${String(result)}>`)
      return result.kind === 'optional' ? result : checker.getType('optional<dyn>')
    },
    evaluate(evaluator, _, context) {
      const value = evaluator.run(receiver, context)
      if (!(value instanceof Optional)) throw new EvaluationError('optMap needs an optional value')
      if (!value.hasValue() || bound === undefined) return Optional.none()
      const result = evaluator.run(body, bound.reuse(context).setIterValue(value.value(), evaluator))
      return wrap ? Optional.of(result) : result
    },
  }
}

/** What a loop does with its pairs. */
interface PairLoop {
  /** The type of the result by those of the range and of the body. */
  type(range: MacroType, body: MacroType): string
  run(pairs: Iterable<readonly [unknown, unknown]>, step: PairStep): unknown
}

interface PairStep {
  /** Undefined when the filter leaves the pair out. */
  (key: unknown, value: unknown): { readonly result: unknown } | undefined
}

function pairMacro({ ast, receiver, args }: MacroCall, loop: PairLoop): Macro {
  const [first, second] = [variableName(args[0]), variableName(args[1])]
  const filter = args.length === 4 ? args[2] : undefined
  const body = args.at(-1) ?? ast
  let [outer, inner]: Overlay[] = []
  return {
    typeCheck(checker, _, context) {
      const range = checker.check(receiver, context)
      const { key, value } = pairTypes(range, checker)
      outer = context.forkWithVariable(first, key)
      inner = outer.forkWithVariable(second, value)
      if (filter !== undefined) checker.check(filter, inner)
      const type = loop.type(range, checker.check(body, inner))
      ast.setMeta('async', false)
      return checker.getType(type)
    },
    evaluate(evaluator, _, context) {
      const range = evaluator.run(receiver, context)
      const step: PairStep = (key, value) => {
        if (outer === undefined || inner === undefined) return undefined
        const variables = inner.reuse(outer.reuse(context).setIterValue(key, evaluator))
        variables.setIterValue(value, evaluator)
        if (filter !== undefined && evaluator.run(filter, variables) !== true) return undefined
        return { result: evaluator.run(body, variables) }
      }
      return loop.run(pairsOf(range), step)
    },
  }
}

function pairTypes(range: MacroType, checker: Checker): { key: MacroType; value: MacroType } {
  const any = checker.getType('dyn')
  switch (range.kind) {
    case 'list':
      return { key: checker.getType('int'), value: range.valueType ?? any }
    case 'map':
      return { key: range.keyType ?? any, value: range.valueType ?? any }
    case 'dyn':
      return { key: any, value: any }
    default:
      throw new EvaluationError(
        `expression of type '${range.name}' cannot be range of a comprehension (must be list, map, or dynamic)`,
      )
  }
}

function* pairsOf(range: unknown): Generator<readonly [unknown, unknown]> {
  if (range instanceof Map) yield* range
  else if (Array.isArray(range) || range instanceof Set) {
    let index = 0n
    for (const item of range as Iterable<unknown>) yield [index++, item]
  } else if (typeof range === 'object' && range !== null) yield* Object.entries(range)
  else throw new EvaluationError('only lists and maps have elements')
}

/** `all`, or `exists` when one element that passes decides. An error counts only when no element decides. */
function quantifier(decisive: boolean): PairLoop {
  return {
    type: () => 'bool',
    run(pairs, step) {
      let failure: unknown
      for (const [key, value] of pairs) {
        try {
          if (step(key, value)?.result === decisive) return decisive
        } catch (error) {
          failure ??= error
        }
      }
      if (failure !== undefined) throw failure
      return !decisive
    },
  }
}

const exactlyOne: PairLoop = {
  type: () => 'bool',
  run: (pairs, step) => {
    let count = 0
    for (const [key, value] of pairs) if (step(key, value)?.result === true) count += 1
    return count === 1
  },
}

const transformList: PairLoop = {
  type: (_, body) => `list<${String(body)}>`,
  run: (pairs, step) => {
    const list: unknown[] = []
    for (const [key, value] of pairs) {
      const made = step(key, value)
      if (made !== undefined) list.push(made.result)
    }
    return list
  },
}

const transformMap: PairLoop = {
  type: ({ kind, keyType }, body) =>
    `map<${kind === 'list' ? 'int' : String(keyType ?? 'dyn')}, ${String(body)}>`,
  run: (pairs, step) => {
    const map = new Map<unknown, unknown>()
    for (const [key, value] of pairs) {
      const made = step(key, value)
      if (made !== undefined) map.set(key, made.result)
    }
    return map
  },
}
