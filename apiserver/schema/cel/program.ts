import { EvaluationError, type Environment } from '@marcbachmann/cel-js'
import { compilePattern } from '../pattern.ts'
import { estimateCost, type Shape } from './cost.ts'
import { matchesFunction } from './library-text.ts'
import { callOf, loopOf, variablesOf, walk, type ExpressionNode } from './syntax.ts'

/** The most that one evaluation may cost: about a tenth of a second. */
export const perCallLimit = 1_000_000

/** A compiled expression. */
export interface CelProgram {
  /** The type of the result: `bool`, `string`, `list<int>`, … */
  readonly type: string
  /** The most that an evaluation costs by the sizes that the schema allows, in Kubernetes' units. */
  readonly maxCost: number
  uses(variable: string): boolean
  /** Evaluates within `budget` units. Throws a CelError. */
  evaluate(
    variables: Readonly<Record<string, unknown>>,
    budget?: number,
  ): { readonly value: unknown; readonly cost: number }
}

/** An evaluation that failed, or cost too much. */
export class CelError extends Error {
  override readonly name = 'CelError'
  readonly outOfBudget: boolean

  constructor(message: string, outOfBudget = false) {
    super(message)
    this.outOfBudget = outOfBudget
  }
}

export interface ProgramOptions {
  /** What is known of the sizes of variables, for the estimate of costs. */
  readonly shapes?: Readonly<Record<string, Shape>>
}

/** Compiles an expression in an environment; returns what is wrong with it as `error`. */
export function compileProgram(
  environment: Environment,
  source: string,
  options: ProgramOptions = {},
): { program: CelProgram } | { error: string } {
  try {
    const run = environment.parse(source)
    const root = run.ast as unknown as ExpressionNode
    const patternError = prepare(root)
    if (patternError !== undefined) return { error: patternError }
    const checked = run.check()
    if (!checked.valid) return { error: describe(checked.error) }
    return {
      program: new CheckedProgram(run, root, {
        type: checked.type ?? 'dyn',
        maxCost: estimateCost(root, options.shapes ?? {}),
      }),
    }
  } catch (error) {
    return { error: describe(error) }
  }
}

class CheckedProgram implements CelProgram {
  readonly type: string
  readonly maxCost: number
  readonly #run: (variables: Record<string, unknown>) => unknown
  readonly #variables: Set<string>
  readonly #meter: Meter
  readonly #flatCost: number

  constructor(
    run: (variables: Record<string, unknown>) => unknown,
    root: ExpressionNode,
    { type, maxCost }: { type: string; maxCost: number },
  ) {
    this.type = type
    this.maxCost = maxCost
    this.#run = run
    this.#variables = variablesOf(root)
    this.#meter = new Meter()
    this.#flatCost = flatCost(root)
    meterLoops(root, this.#meter)
  }

  uses(variable: string): boolean {
    return this.#variables.has(variable)
  }

  evaluate(
    variables: Readonly<Record<string, unknown>>,
    budget: number = perCallLimit,
  ): { value: unknown; cost: number } {
    const limit = Math.min(budget, perCallLimit)
    this.#meter.start(limit - this.#flatCost)
    try {
      const value = this.#run(variables)
      if (this.#meter.exhausted) throw new CelError('operation cancelled: actual cost limit exceeded', true)
      return { value, cost: limit - this.#meter.left }
    } catch (error) {
      if (this.#meter.exhausted) throw new CelError('operation cancelled: actual cost limit exceeded', true)
      throw error instanceof CelError ? error : new CelError(runtimeMessage(error))
    }
  }
}

/** Counts what loops cost while a program runs, and stops it when that is too much. */
class Meter {
  left = 0
  // Made once: within loops it is thrown for every element that is left.
  readonly #stop = new EvaluationError('operation cancelled: actual cost limit exceeded')

  start(limit: number): void {
    this.left = limit
  }

  get exhausted(): boolean {
    return this.left < 0
  }

  charge(cost: number): void {
    this.left -= cost
    if (this.left < 0) throw this.#stop
  }
}

/** Puts a charge in front of everything that a loop evaluates for each of its elements. */
function meterLoops(root: ExpressionNode, meter: Meter): void {
  walk(root, (node) => {
    const loop = loopOf(callOf(node))
    for (const body of loop?.body ?? []) chargeBefore(body, meter, flatCost(body) + 3)
  })
}

function chargeBefore(node: ExpressionNode, meter: Meter, cost: number): void {
  const { alternate, macro } = node.meta
  if (alternate !== undefined) return chargeBefore(alternate, meter, cost)
  if (macro !== undefined) {
    const inner = macro.evaluate
    macro.evaluate = function evaluate(this: unknown, ...args) {
      meter.charge(cost)
      return inner.apply(this, args)
    }
    return
  }
  const inner = node.meta.evaluate
  node.setMeta('evaluate', (...args: Parameters<typeof inner>) => {
    meter.charge(cost)
    return inner(...args)
  })
}

/** What a node costs once, without what loops in it repeat. */
function flatCost(node: ExpressionNode): number {
  let cost = 0
  const count = (one: ExpressionNode) => {
    cost += 1
    const call = callOf(one)
    const loop = loopOf(call)
    if (loop !== undefined) count(loop.range)
    else if (call !== undefined)
      for (const part of [call.receiver, ...call.args]) if (part !== undefined) count(part)
    if (call === undefined) for (const part of partsOf(one)) count(part)
  }
  count(node)
  return cost
}

function partsOf({ args }: ExpressionNode): ExpressionNode[] {
  const nodes: ExpressionNode[] = []
  const collect = (value: unknown) => {
    if (Array.isArray(value)) for (const item of value) collect(item)
    else if (typeof value === 'object' && value !== null && 'op' in value) nodes.push(value as ExpressionNode)
  }
  collect(args)
  return nodes
}

/** Leads regular expressions to an engine that is linear in time; returns what is wrong with a literal one. */
function prepare(root: ExpressionNode): string | undefined {
  let error: string | undefined
  walk(root, (node) => {
    const call = callOf(node)
    if (call === undefined) return
    const pattern = patternArgument(call.name, call.receiver === undefined, call.args)
    if (typeof pattern === 'string') {
      const compiled = compilePattern(pattern)
      if (typeof compiled === 'string') error ??= `invalid matches argument: ${compiled}`
    }
    if (call.name === 'matches' && call.receiver !== undefined) (node.args as string[])[0] = matchesFunction
  })
  return error
}

function patternArgument(name: string, global: boolean, args: readonly ExpressionNode[]): unknown {
  if (name !== 'matches' && name !== 'find' && name !== 'findAll') return undefined
  const node = args[global ? 1 : 0]
  return node?.op === 'value' ? node.args : undefined
}

function describe(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error)
  return text.replaceAll(matchesFunction, 'matches')
}

/** Kubernetes words what fails at run time without a capital. */
function runtimeMessage(error: unknown): string {
  const summary =
    typeof error === 'object' && error !== null && 'summary' in error
      ? String(error.summary)
      : describe(error)
  const text = summary.replaceAll(matchesFunction, 'matches')
  return text.startsWith('No such key') ? `no such key${text.slice('No such key'.length)}` : text
}
