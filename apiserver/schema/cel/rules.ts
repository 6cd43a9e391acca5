import type { Environment } from '@marcbachmann/cel-js'
import { Optional } from '@marcbachmann/cel-js'
import type { StatusCause } from '../../../apimachinery/status-error.ts'
import type { Json } from '../../../crds/meta/json.ts'
import { forbiddenField, invalidField } from '../field-error.ts'
import { resolveFieldPath } from '../rule-check.ts'
import { pathText } from '../field-path.ts'
import type { SchemaNode, ValidationRule } from '../schema-node.ts'
import { shapeOf, type Shape } from './cost.ts'
import { celEnvironment } from './environment.ts'
import { compileProgram, type CelProgram } from './program.ts'
import { CelTypes, type CelType } from './types.ts'

/** A rule that compiled. */
export interface CompiledRule {
  readonly rule: ValidationRule
  readonly program: CelProgram
  readonly usesOldSelf: boolean
  readonly message: CelProgram | undefined
  /** Where the error is put below the object, '' for the object itself. */
  readonly fieldPath: string
}

/** The rules of one level of a schema. */
export interface RuleLevel {
  readonly type: CelType
  readonly rules: readonly CompiledRule[]
}

// Per expression, and for all expressions of a schema together.
const maxRuleCost = 10_000_000
const maxSchemaCost = 100_000_000

/** True when a schema has rules at any level. */
export function hasRules(node: SchemaNode): boolean {
  if (node.validations.length > 0) return true
  if (node.items !== undefined && hasRules(node.items)) return true
  if (typeof node.additionalProperties === 'object' && hasRules(node.additionalProperties)) return true
  return [...node.properties.values()].some(hasRules)
}

interface Place {
  readonly path: string
  readonly typePath: string
  readonly isRoot: boolean
  /** How many of it there may be in an object; undefined when nothing limits them. */
  readonly count: number | undefined
  /** The level from which on old and new values cannot be told to belong together. */
  readonly uncorrelated: string | undefined
}

/** Compiles all rules of a schema. What is wrong with them is returned as `errors`. */
export function compileRules(
  root: SchemaNode,
  path: string,
): { levels: ReadonlyMap<SchemaNode, RuleLevel>; errors: StatusCause[] } {
  const compiler = new RuleCompiler(root)
  compiler.visit(root, { path, typePath: 'object', isRoot: true, count: 1, uncorrelated: undefined })
  compiler.checkTotal(path)
  return { levels: compiler.levels, errors: compiler.errors }
}

class RuleCompiler {
  readonly levels = new Map<SchemaNode, RuleLevel>()
  readonly errors: StatusCause[] = []
  readonly #environment: Environment = celEnvironment()
  readonly #types = new CelTypes(this.#environment)
  readonly #costs: { path: string; cost: number }[] = []

  constructor(root: SchemaNode) {
    // Declares every type before an environment is derived from this one.
    this.#types.typeOf(root, 'object', true)
  }

  visit(node: SchemaNode, place: Place): void {
    if (!hasRules(node)) return
    if (node.validations.length > 0) this.#compileLevel(node, place)
    const { path, typePath } = place
    const below = { ...place, isRoot: node.embeddedResource && !place.isRoot }
    if (node.items !== undefined) {
      const uncorrelated = place.uncorrelated ?? (node.listType === 'map' ? undefined : path)
      const count = times(place.count, node.maxItems)
      this.visit(node.items, {
        ...below,
        path: `${path}.items`,
        typePath: `${typePath}.items`,
        isRoot: node.items.embeddedResource,
        count,
        uncorrelated,
      })
    }
    if (typeof node.additionalProperties === 'object') {
      const child = node.additionalProperties
      const count = times(place.count, node.maxProperties)
      this.visit(child, {
        ...below,
        path: `${path}.additionalProperties`,
        typePath: `${typePath}.values`,
        isRoot: child.embeddedResource,
        count,
      })
    }
    for (const [name, child] of node.properties) {
      const childPath = `${path}.properties[${name}]`
      this.visit(child, {
        ...below,
        path: childPath,
        typePath: `${typePath}.${name.replace(/[^a-zA-Z0-9_]/g, '_')}`,
        isRoot: child.embeddedResource,
      })
    }
  }

  #compileLevel(node: SchemaNode, place: Place): void {
    const type = this.#types.typeOf(node, place.typePath, place.isRoot)
    if (type === undefined) {
      this.errors.push(
        invalidField(
          `${place.path}.x-kubernetes-validations`,
          '',
          'failed to convert to declType for CEL validation rules',
        ),
      )
      return
    }
    const rules: CompiledRule[] = []
    for (const [index, rule] of node.validations.entries()) {
      const at = `${place.path}.x-kubernetes-validations[${index}]`
      const compiled = this.#compileRule(node, rule, { type, at, place })
      if (compiled !== undefined) rules.push(compiled)
    }
    this.levels.set(node, { type, rules })
  }

  #compileRule(
    node: SchemaNode,
    rule: ValidationRule,
    { type, at, place }: { type: CelType; at: string; place: Place },
  ): CompiledRule | undefined {
    const environment = this.#environment.clone()
    environment.registerVariable('self', type.name)
    environment.registerVariable(
      'oldSelf',
      rule.optionalOldSelf === true ? `optional<${type.name}>` : type.name,
    )
    const shape = shapeOf(node)
    const shapes = { self: shape, oldSelf: shape }
    const result = compileProgram(environment, rule.rule, { shapes })
    if ('error' in result) {
      this.errors.push(invalidField(`${at}.rule`, ruleJson(rule), `compilation failed: ${result.error}`))
      return undefined
    }
    const { program } = result
    if (program.type !== 'bool' && program.type !== 'dyn') {
      this.errors.push(invalidField(`${at}.rule`, ruleJson(rule), 'cel expression must evaluate to a bool'))
      return undefined
    }
    this.#checkCost(
      program,
      `${at}.rule`,
      place.count ?? Math.floor((3 * 1024 * 1024) / (shape.minBytes + 1)),
    )
    const usesOldSelf = program.uses('oldSelf')
    this.#checkOldSelf(rule, usesOldSelf, at, place.uncorrelated)
    const message = this.#compileMessage(environment, rule, at, shapes)
    return { rule, program, usesOldSelf, message, fieldPath: fieldPathOf(node, rule) }
  }

  #compileMessage(
    environment: Environment,
    rule: ValidationRule,
    at: string,
    shapes: Readonly<Record<string, Shape>>,
  ): CelProgram | undefined {
    if (rule.messageExpression === undefined || rule.messageExpression.trim() === '') return undefined
    const field = `${at}.messageExpression`
    const result = compileProgram(environment, rule.messageExpression, { shapes })
    if ('error' in result) {
      this.errors.push(
        invalidField(field, ruleJson(rule), `messageExpression compilation failed: ${result.error}`),
      )
      return undefined
    }
    if (result.program.type !== 'string' && result.program.type !== 'dyn') {
      this.errors.push(invalidField(field, ruleJson(rule), 'messageExpression must evaluate to a string'))
      return undefined
    }
    return result.program
  }

  #checkOldSelf(rule: ValidationRule, used: boolean, at: string, uncorrelated: string | undefined): void {
    if (used && uncorrelated !== undefined) {
      const detail = `oldSelf cannot be used on the uncorrelatable portion of the schema within ${uncorrelated}`
      this.errors.push(invalidField(`${at}.rule`, rule.rule, detail))
    }
    if (!used && rule.optionalOldSelf !== undefined) {
      this.errors.push(
        invalidField(
          `${at}.optionalOldSelf`,
          rule.optionalOldSelf,
          'may not be set if oldSelf is not used in rule',
        ),
      )
    }
  }

  #checkCost({ maxCost }: CelProgram, path: string, count: number): void {
    const cost = maxCost * count
    this.#costs.push({ path, cost })
    if (cost > maxRuleCost)
      this.errors.push(forbiddenField(path, overBudget('estimated rule cost', cost / maxRuleCost)))
  }

  checkTotal(path: string): void {
    const total = this.#costs.reduce((sum, { cost }) => sum + cost, 0)
    if (total <= maxSchemaCost) return
    const most = this.#costs
      .filter(({ cost }) => cost >= maxSchemaCost / 100)
      .toSorted((a, b) => b.cost - a.cost)
    for (const { path: rule } of most.slice(0, 4)) {
      this.errors.push(
        forbiddenField(
          rule,
          'contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema',
        ),
      )
    }
    const name = 'x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema'
    this.errors.push(forbiddenField(path, overBudget(name, total / maxSchemaCost)))
  }
}

function times(count: number | undefined, most: number | undefined): number | undefined {
  return count === undefined || most === undefined ? undefined : count * most
}

function overBudget(what: string, factor: number): string {
  const shown =
    factor > 100 ? 'more than 100x' : factor < 1.5 ? `${factor.toFixed(6)}x` : `${factor.toFixed(1)}x`
  return `${what} exceeds budget by factor of ${shown} (try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)`
}

function ruleJson({
  rule,
  message,
  messageExpression,
  reason,
  fieldPath,
  optionalOldSelf,
}: ValidationRule): Json {
  return {
    Rule: rule,
    Message: message ?? '',
    MessageExpression: messageExpression ?? '',
    Reason: reason ?? null,
    FieldPath: fieldPath ?? '',
    OptionalOldSelf: optionalOldSelf ?? null,
  }
}

function fieldPathOf(node: SchemaNode, { fieldPath }: ValidationRule): string {
  const steps = fieldPath === undefined || fieldPath === '' ? undefined : resolveFieldPath(node, fieldPath)
  return steps === undefined ? '' : pathText(steps)
}

/** The values that a rule sees: `self`, and `oldSelf` where there is an old value. */
export function ruleVariables(
  type: CelType,
  self: unknown,
  old: Json | undefined,
  optional: boolean,
): Record<string, unknown> {
  if (optional) return { self, oldSelf: old === undefined ? Optional.none() : Optional.of(type.convert(old)) }
  return old === undefined ? { self } : { self, oldSelf: type.convert(old) }
}
