/** A node of a checked expression, as far as the compiler here looks into it. */
export interface ExpressionNode {
  readonly op: string
  readonly args: unknown
  readonly checkedType?: CheckedType | undefined
  readonly meta: NodeMeta
  setMeta(key: string, value: unknown): unknown
}

export interface CheckedType {
  /** `primitive`, `list`, `map`, `message`, `dyn`, `optional`. */
  readonly kind: string
  readonly name: string
}

type Evaluate = (evaluator: unknown, node: unknown, context: unknown) => unknown

interface NodeMeta {
  readonly evaluate: Evaluate
  readonly alternate?: ExpressionNode
  readonly macro?: { evaluate: Evaluate }
}

/** A call, of a function or of a method. */
export interface Call {
  readonly name: string
  readonly receiver: ExpressionNode | undefined
  readonly args: readonly ExpressionNode[]
}

export function isNode(value: unknown): value is ExpressionNode {
  return typeof value === 'object' && value !== null && 'op' in value && 'meta' in value
}

/** The call that a node is, undefined for other nodes. */
export function callOf({ op, args }: ExpressionNode): Call | undefined {
  if (op === 'call') {
    const [name, list] = args as [string, ExpressionNode[]]
    return { name, receiver: undefined, args: list }
  }
  if (op !== 'rcall') return undefined
  const [name, receiver, list] = args as [string, ExpressionNode, ExpressionNode[]]
  return { name, receiver, args: list }
}

/** How many variables a loop may have, by its number of arguments. */
const comprehensions: Partial<Record<string, Partial<Record<number, number>>>> = {
  all: { 2: 1, 3: 2 },
  exists: { 2: 1, 3: 2 },
  exists_one: { 2: 1, 3: 2 },
  existsOne: { 3: 2 },
  map: { 2: 1, 3: 1 },
  filter: { 2: 1 },
  transformList: { 3: 2, 4: 2 },
  transformMap: { 3: 2, 4: 2 },
}

export interface Loop {
  readonly name: string
  readonly range: ExpressionNode
  /** The element or the key, or the index or key and the element. */
  readonly variables: readonly string[]
  /** What is evaluated for every element. */
  readonly body: readonly ExpressionNode[]
}

/** The loop over a list or map that a call is, undefined for other calls. */
export function loopOf(call: Call | undefined): Loop | undefined {
  if (call?.receiver === undefined) return undefined
  const count = comprehensions[call.name]?.[call.args.length]
  if (count === undefined) return undefined
  const variables = call.args.slice(0, count).map(({ args }) => String(args))
  return { name: call.name, range: call.receiver, variables, body: call.args.slice(count) }
}

/** The nodes directly below a node. */
export function childrenOf(node: ExpressionNode): ExpressionNode[] {
  const call = callOf(node)
  if (call !== undefined) return call.receiver === undefined ? [...call.args] : [call.receiver, ...call.args]
  return nodesIn(node.args)
}

function nodesIn(value: unknown): ExpressionNode[] {
  if (isNode(value)) return [value]
  return Array.isArray(value) ? value.flatMap(nodesIn) : []
}

/** Calls `visit` for a node and all below it. */
export function walk(node: ExpressionNode, visit: (node: ExpressionNode) => void): void {
  visit(node)
  for (const child of childrenOf(node)) walk(child, visit)
}

/** The names of the variables that an expression uses. */
export function variablesOf(root: ExpressionNode): Set<string> {
  const names = new Set<string>()
  walk(root, ({ op, args }) => {
    if (op === 'id') names.add(args as string)
  })
  return names
}
