import type { Json } from '../../../crds/meta/json.ts'
import type { SchemaNode } from '../schema-node.ts'
import { matchesFunction } from './library-text.ts'
import { callOf, childrenOf, loopOf, type Call, type ExpressionNode, type Loop } from './syntax.ts'
import { escapeField } from './types.ts'

/** The largest request that the server reads, by which everything without a limit of its own is limited. */
const maxRequestBytes = 3 * 1024 * 1024
const textFactor = 0.1
const patternFactor = 0.25

/** What is known of the size of a value: how long a text or list may be, and what is inside. */
export interface Shape {
  readonly size: number
  /** A field of an object, or what is under any key of a map. */
  field(name: string): Shape | undefined
  /** An element of a list, or a value of a map. */
  readonly element: Shape | undefined
  /** The smallest JSON that there is of it, in bytes. */
  readonly minBytes: number
}

/** What a schema says of the sizes of its values. */
export function shapeOf(node: SchemaNode): Shape {
  return new SchemaShape(node)
}

class SchemaShape implements Shape {
  readonly #node: SchemaNode

  constructor(node: SchemaNode) {
    this.#node = node
  }

  get element(): Shape | undefined {
    const { items, additionalProperties } = this.#node
    if (items !== undefined) return shapeOf(items)
    return typeof additionalProperties === 'object' ? shapeOf(additionalProperties) : undefined
  }

  field(name: string): Shape | undefined {
    for (const [key, child] of this.#node.properties) if (escapeField(key) === name) return shapeOf(child)
    return this.element
  }

  get size(): number {
    const { type, maxItems, maxProperties } = this.#node
    switch (type) {
      case 'array':
        return maxItems ?? Math.floor((maxRequestBytes - 2) / ((this.element?.minBytes ?? 1) + 1))
      case 'object':
        return maxProperties ?? Math.floor((maxRequestBytes - 2) / ((this.element?.minBytes ?? 1) + 6))
      default:
        return textSize(this.#node)
    }
  }

  get minBytes(): number {
    const { type, properties, required } = this.#node
    if (type === 'boolean') return 4
    if (type === 'integer' || type === 'number' || this.#node.intOrString) return 1
    if (type !== 'object') return 2
    let bytes = 2
    for (const name of required) {
      const child = properties.get(name)
      if (child !== undefined && child.default === undefined)
        bytes += name.length + shapeOf(child).minBytes + 4
    }
    return bytes
  }
}

const formatSizes: Partial<Record<string, number>> = { duration: 32, date: 12, 'date-time': 31 }

function textSize({ maxLength, format, enum: allowed }: SchemaNode): number {
  // Limits count code points, and these may take four bytes.
  if (maxLength !== undefined) return maxLength * 4
  if (allowed.length > 0)
    return Math.max(...allowed.map((item: Json) => (typeof item === 'string' ? item.length : 0)))
  return formatSizes[format] ?? maxRequestBytes - 2
}

/** A value of which nothing but its size is known. */
function sized(size: number, element?: Shape): Shape {
  return { size, element, minBytes: 1, field: () => element }
}

interface Estimate {
  readonly cost: number
  readonly shape: Shape | undefined
}

type Shapes = Readonly<Record<string, Shape | undefined>>

/** The most that evaluating an expression may cost, by the rules of Kubernetes' estimate. */
export function estimateCost(root: ExpressionNode, shapes: Shapes): number {
  return Math.ceil(estimate(root, shapes).cost)
}

const free = (shape?: Shape): Estimate => ({ cost: 0, shape })

type Estimator = (node: ExpressionNode, shapes: Shapes) => Estimate

function estimate(node: ExpressionNode, shapes: Shapes): Estimate {
  return (estimators[node.op] ?? operator)(node, shapes)
}

const estimators: Partial<Record<string, Estimator>> = {
  value: ({ args }) => free(typeof args === 'string' ? sized(args.length) : sized(1)),
  id: ({ args }, shapes) => ({ cost: 1, shape: shapes[args as string] }),
  '.': select,
  '.?': select,
  '[]': index,
  '[?]': index,
  '?:': conditional,
  list: literal,
  map: literal,
  call,
  rcall: call,
  '&&': logical,
  '||': logical,
  in: membership,
  '+': concatenation,
  '==': comparison,
  '!=': comparison,
  '<': comparison,
  '<=': comparison,
  '>': comparison,
  '>=': comparison,
}

function select(node: ExpressionNode, shapes: Shapes): Estimate {
  const [operand, name] = node.args as [ExpressionNode, string]
  const inner = estimate(operand, shapes)
  return { cost: inner.cost + 1, shape: inner.shape?.field(name) }
}

function index(node: ExpressionNode, shapes: Shapes): Estimate {
  const [operand, key] = (node.args as ExpressionNode[]).map((part) => estimate(part, shapes))
  return { cost: (operand?.cost ?? 0) + (key?.cost ?? 0) + 1, shape: operand?.shape?.element }
}

function conditional(node: ExpressionNode, shapes: Shapes): Estimate {
  const [condition = free(), yes = free(), no = free()] = childrenOf(node).map((part) =>
    estimate(part, shapes),
  )
  const larger = (yes.shape?.size ?? 0) >= (no.shape?.size ?? 0) ? yes : no
  return { cost: condition.cost + Math.max(yes.cost, no.cost), shape: larger.shape }
}

function literal(node: ExpressionNode, shapes: Shapes): Estimate {
  const parts = childrenOf(node).map((part) => estimate(part, shapes))
  const largest = parts.map(({ shape }) => shape).toSorted((a, b) => (b?.size ?? 0) - (a?.size ?? 0))[0]
  return { cost: sum(parts) + (node.op === 'list' ? 10 : 30), shape: sized(parts.length, largest) }
}

const sum = (parts: readonly Estimate[]) => parts.reduce((total, { cost }) => total + cost, 0)

function operator(node: ExpressionNode, shapes: Shapes): Estimate {
  return { cost: sum(childrenOf(node).map((part) => estimate(part, shapes))) + 1, shape: sized(1) }
}

function logical(node: ExpressionNode, shapes: Shapes): Estimate {
  return { cost: sum(childrenOf(node).map((part) => estimate(part, shapes))), shape: sized(1) }
}

interface Operands {
  /** Of evaluating both. */
  readonly cost: number
  /** True for texts, lists and maps: then the sizes count. */
  readonly sized: boolean
  readonly left: number
  readonly right: number
  readonly element: Shape | undefined
}

function operandsOf(node: ExpressionNode, shapes: Shapes): Operands {
  const nodes = childrenOf(node)
  const parts = nodes.map((part) => estimate(part, shapes))
  const [left = 1, right = 1] = nodes.map((part, position) => sizeOf(part, parts[position]))
  return { cost: sum(parts), sized: hasSize(nodes[0]), left, right, element: parts[0]?.shape?.element }
}

function membership(node: ExpressionNode, shapes: Shapes): Estimate {
  const { cost, right } = operandsOf(node, shapes)
  return { cost: cost + (isCollection(childrenOf(node)[1], 'list') ? right : 1), shape: sized(1) }
}

function concatenation(node: ExpressionNode, shapes: Shapes): Estimate {
  const { cost, left, right, element, ...operands } = operandsOf(node, shapes)
  const own = operands.sized ? (left + right) * textFactor : 1
  return { cost: cost + own, shape: sized(left + right, element) }
}

function comparison(node: ExpressionNode, shapes: Shapes): Estimate {
  const { cost, left, right, ...operands } = operandsOf(node, shapes)
  return { cost: cost + (operands.sized ? Math.min(left, right) * textFactor : 1), shape: sized(1) }
}

/** How large a value may be; 1 for what has no size. */
function sizeOf(
  node: ExpressionNode | undefined,
  { shape }: { shape: Shape | undefined } = { shape: undefined },
): number {
  return hasSize(node) ? (shape?.size ?? maxRequestBytes) : 1
}

function hasSize(node: ExpressionNode | undefined): boolean {
  const type = node?.checkedType
  return type?.kind === 'list' || type?.kind === 'map' || type?.name === 'string' || type?.name === 'bytes'
}

const isCollection = (node: ExpressionNode | undefined, kind: string) => node?.checkedType?.kind === kind

function call(node: ExpressionNode, shapes: Shapes): Estimate {
  const found = callOf(node)
  if (found === undefined) return free()
  const loop = loopOf(found)
  if (loop !== undefined) return loopCost(loop, shapes)
  if (found.name === 'has') return { cost: presence(found.args[0], shapes), shape: sized(1) }
  return found.name === 'bind' ? bind(found, shapes) : functionCall(found, shapes)
}

function functionCall({ name, receiver, args }: Call, shapes: Shapes): Estimate {
  const target = receiver === undefined ? free() : estimate(receiver, shapes)
  const parts = args.map((part) => estimate(part, shapes))
  const sizes = args.map((part, position) => sizeOf(part, parts[position]))
  const { cost, size } = functionCosts[name]?.(sizeOf(receiver, target), sizes) ?? { cost: 1 }
  return {
    cost: target.cost + sum(parts) + cost,
    shape: size === undefined ? (target.shape ?? sized(1)) : sized(size, target.shape?.element),
  }
}

/** `has(a.b)` costs what it takes to get to `a`. */
function presence(node: ExpressionNode | undefined, shapes: Shapes): number {
  const operand = node === undefined ? undefined : childrenOf(node)[0]
  return operand === undefined ? 0 : estimate(operand, shapes).cost
}

function bind({ args }: Call, shapes: Shapes): Estimate {
  const [variable, value, body] = args
  if (variable === undefined || value === undefined || body === undefined) return free()
  const bound = estimate(value, shapes)
  const inner = estimate(body, { ...shapes, [variable.args as string]: bound.shape })
  return { cost: bound.cost + inner.cost, shape: inner.shape }
}

/** What a loop costs for each element besides its body, and in all besides that. */
const loopCosts: Partial<Record<string, { each: number; once: number }>> = {
  all: { each: 3, once: 1 },
  exists: { each: 4, once: 1 },
  exists_one: { each: 2, once: 2 },
  existsOne: { each: 2, once: 2 },
  map: { each: 12, once: 11 },
  filter: { each: 13, once: 11 },
  transformList: { each: 12, once: 11 },
  transformMap: { each: 32, once: 31 },
}

function loopCost({ name, range, variables, body }: Loop, shapes: Shapes): Estimate {
  const over = estimate(range, shapes)
  const count = sizeOf(range, over)
  const value = over.shape?.element
  // A loop over a map goes over its keys.
  const key = isCollection(range, 'map') ? sized(maxRequestBytes) : value
  const [first = '', second] = variables
  const inner = second === undefined ? { [first]: key } : { [first]: key, [second]: value }
  const parts = body.map((part) => estimate(part, { ...shapes, ...inner }))
  const { each = 3, once = 1 } = loopCosts[name] ?? {}
  return {
    cost: over.cost + count * (each + sum(parts)) + once,
    shape: loopResult(name, count, name === 'filter' ? key : parts.at(-1)?.shape),
  }
}

const building = new Set(['map', 'filter', 'transformList', 'transformMap'])

function loopResult(name: string, count: number, element: Shape | undefined): Shape {
  return building.has(name) ? sized(count, element) : sized(1)
}

interface FunctionCost {
  readonly cost: number
  /** Of the result, where it is not that of the receiver. */
  readonly size?: number
}

type FunctionCosts = (target: number, args: readonly number[]) => FunctionCost

const traversal: FunctionCosts = (target) => ({ cost: target * textFactor })
const argument: FunctionCosts = (_, [size = 1]) => ({ cost: size * textFactor, size })
const perElement: FunctionCosts = (target) => ({ cost: target })
const pattern: FunctionCosts = (target, [size = 1]) => ({
  cost: (target + 1) * textFactor * size * patternFactor,
  size: target,
})
const pairwise: FunctionCosts = (_, [a = 1, b = 1]) => ({ cost: a * b, size: 1 })

const functionCosts: Partial<Record<string, FunctionCosts>> = {
  startsWith: argument,
  endsWith: argument,
  contains: (target, [first = 1, second]) => ({
    cost: second === undefined ? target * textFactor * first * textFactor : first * second,
    size: 1,
  }),
  [matchesFunction]: pattern,
  find: pattern,
  findAll: pattern,
  lowerAscii: traversal,
  upperAscii: traversal,
  trim: traversal,
  substring: traversal,
  reverse: traversal,
  split: (target) => ({ cost: target * 2 * textFactor, size: target }),
  join: (target, [separator = 0]) => ({
    cost: target * (separator + 1) * textFactor,
    size: target * (separator + 1),
  }),
  replace: (target, [, by = 1]) => ({ cost: target * 2 * textFactor, size: target * Math.max(1, by) }),
  indexOf: perElement,
  lastIndexOf: perElement,
  isSorted: perElement,
  sum: perElement,
  min: perElement,
  max: perElement,
  includes: perElement,
  distinct: (target) => ({ cost: target * target, size: target }),
  sort: (target) => ({ cost: target * target, size: target }),
  equivalent: pairwise,
  intersects: pairwise,
  url: argument,
  isURL: argument,
  ip: argument,
  isIP: argument,
  cidr: argument,
  isCIDR: argument,
  quantity: argument,
  isQuantity: argument,
  semver: argument,
  isSemver: argument,
  validate: (_, [size = 1]) => ({ cost: size * textFactor * 128 * patternFactor, size: 64 }),
  matches: (_, [size = 1, source = 1]) => ({
    cost: (size + 1) * textFactor * source * patternFactor,
    size: 1,
  }),
}
