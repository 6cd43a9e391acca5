import type { StatusCause } from '../../../apimachinery/status-error.ts'
import { isJsonObject, type Json, type JsonObject } from '../../../crds/meta/json.ts'
import { Correlation } from '../correlation.ts'
import {
  duplicateField,
  forbiddenField,
  invalidField,
  invalidWithoutValue,
  noField,
  requiredField,
} from '../field-error.ts'
import { pathText, type PathStep } from '../field-path.ts'
import type { SchemaNode, ValidationRule } from '../schema-node.ts'
import { CelError, type CelProgram } from './program.ts'
import { hasRules, ruleVariables, type CompiledRule, type RuleLevel } from './rules.ts'

/** What all rules may cost for one object: about a second. */
const budgetPerObject = 10_000_000
const maxMessageBytes = 5 * 1024

/** Where a rule's value stands, and what it is an update of. */
interface Spot {
  readonly old: Json | undefined
  readonly correlation: Correlation | undefined
  /** What the value belongs to that can be compared with what is stored. */
  readonly nearest: Correlation | undefined
}

/** Checks objects of a schema with its rules. */
export class RuleValidation {
  readonly #root: SchemaNode
  readonly #levels: ReadonlyMap<SchemaNode, RuleLevel>
  /** Levels with rules below them: nothing else has to be walked. */
  readonly #ruled = new Set<SchemaNode>()

  constructor(root: SchemaNode, levels: ReadonlyMap<SchemaNode, RuleLevel>) {
    this.#root = root
    this.#levels = levels
    this.#mark(root)
  }

  #mark(node: SchemaNode): void {
    if (!hasRules(node)) return
    this.#ruled.add(node)
    if (node.items !== undefined) this.#mark(node.items)
    if (typeof node.additionalProperties === 'object') this.#mark(node.additionalProperties)
    for (const child of node.properties.values()) this.#mark(child)
  }

  /** What the rules say of an object; transition rules are run when there is an old one. */
  validate(object: JsonObject, old: JsonObject | undefined): StatusCause[] {
    const run = new RuleRun(this.#levels, this.#ruled)
    const correlation = old === undefined ? undefined : new Correlation(this.#root, object, old)
    run.visit(this.#root, object, { old, correlation, nearest: undefined })
    return run.errors
  }

  /** What the rules say of a value below the root, such as a default; `field` is where it stands. */
  validateValue(node: SchemaNode, value: Json, field: string): StatusCause[] {
    if (!this.#ruled.has(node)) return []
    const run = new RuleRun(this.#levels, this.#ruled)
    run.visit(node, value, { old: undefined, correlation: undefined, nearest: undefined })
    return run.errors.map((cause) => {
      const below = cause.field === noField ? '' : `.${cause.field}`
      return { ...cause, field: `${field}${below}` }
    })
  }
}

class RuleRun {
  readonly errors: StatusCause[] = []
  readonly #levels: ReadonlyMap<SchemaNode, RuleLevel>
  readonly #ruled: ReadonlySet<SchemaNode>
  readonly #path: PathStep[] = []
  #budget = budgetPerObject
  #stopped = false

  constructor(levels: ReadonlyMap<SchemaNode, RuleLevel>, ruled: ReadonlySet<SchemaNode>) {
    this.#levels = levels
    this.#ruled = ruled
  }

  visit(node: SchemaNode, value: Json, spot: Spot): void {
    if (value === null || this.#stopped || !this.#ruled.has(node)) return
    const level = this.#levels.get(node)
    if (level !== undefined) this.#runLevel(node, level, value, spot)
    if (Array.isArray(value)) this.#visitList(node, value, spot)
    else if (isJsonObject(value)) this.#visitObject(node, value, spot)
  }

  #visitList(
    { items, listType, listMapKeys }: SchemaNode,
    list: Json[],
    { old, correlation, nearest }: Spot,
  ): void {
    if (items === undefined || !this.#ruled.has(items)) return
    const before = listType === 'map' && Array.isArray(old) ? old.filter(isJsonObject) : []
    for (const [index, item] of list.entries()) {
      const counterpart = isJsonObject(item)
        ? before.find((candidate) => listMapKeys.every((key) => candidate[key] === item[key]))
        : undefined
      this.#path.push(index)
      this.visit(items, item, {
        old: counterpart,
        correlation: correlation?.index(index),
        nearest: correlation ?? nearest,
      })
      this.#path.pop()
    }
  }

  #visitObject(
    { properties, additionalProperties }: SchemaNode,
    object: JsonObject,
    { old, correlation, nearest }: Spot,
  ): void {
    const values = typeof additionalProperties === 'object' ? additionalProperties : undefined
    for (const key of Object.keys(object)) {
      const member = object[key]
      const property = properties.get(key)
      const schema = property ?? values
      if (member === undefined || schema === undefined || !this.#ruled.has(schema)) continue
      this.#path.push(property === undefined ? { mapKey: key } : key)
      this.visit(schema, member, {
        old: memberOf(old, key),
        correlation: correlation?.key(key),
        nearest: correlation ?? nearest,
      })
      this.#path.pop()
    }
  }

  #runLevel(node: SchemaNode, { type, rules }: RuleLevel, value: Json, spot: Spot): void {
    const self = type.convert(value)
    for (const rule of rules) {
      const optional = rule.rule.optionalOldSelf === true
      if (this.#stopped || (rule.usesOldSelf && spot.old === undefined && !optional)) continue
      const variables = ruleVariables(type, self, rule.usesOldSelf ? spot.old : undefined, optional)
      this.#runRule(node, rule, { value, variables, spot })
    }
  }

  #runRule(
    node: SchemaNode,
    rule: CompiledRule,
    { value, variables, spot }: { value: Json; variables: Record<string, unknown>; spot: Spot },
  ): void {
    try {
      const { value: passed, cost } = rule.program.evaluate(variables, this.#budget)
      this.#budget -= cost
      if (passed === true) return
    } catch (error) {
      this.#fail(node, rule.rule, error as Error)
      return
    }
    // Without an old value of its own, what it belongs to decides whether it has changed.
    const unchanged = (spot.correlation ?? spot.nearest)?.unchanged === true
    if (!rule.usesOldSelf && unchanged) return
    const shown = node.type === 'object' || node.type === 'array' ? undefined : value
    this.errors.push(
      violation(this.#fieldOf(rule), shown, this.#messageOf(rule, variables), rule.rule.reason),
    )
  }

  #fieldOf({ fieldPath }: CompiledRule): string {
    const place = pathText(this.#path)
    if (fieldPath === '') return place === '' ? noField : place
    return place === '' ? fieldPath : `${place}.${fieldPath}`
  }

  #fail(node: SchemaNode, rule: ValidationRule, error: Error): void {
    const place = pathText(this.#path) || noField
    const text = ruleName(rule)
    if (!(error instanceof CelError) || !error.outOfBudget) {
      this.errors.push(invalidField(place, node.type, `${error.message} evaluating rule: ${text}`))
      return
    }
    this.#stopped = true
    this.errors.push(
      invalidField(
        place,
        node.type,
        `'${error.message}': no further validation rules will be run due to call cost exceeds limit for rule: ${text}`,
      ),
    )
  }

  #messageOf({ rule, message }: CompiledRule, variables: Record<string, unknown>): string {
    const computed = message === undefined ? undefined : this.#evaluateMessage(message, variables)
    if (computed !== undefined) return computed
    return rule.message === undefined || rule.message === ''
      ? `failed rule: ${rule.rule.trim()}`
      : rule.message.trim()
  }

  /** Undefined when there is no usable text: then the fixed message is shown. */
  #evaluateMessage(message: CelProgram, variables: Record<string, unknown>): string | undefined {
    try {
      const { value, cost } = message.evaluate(variables, this.#budget)
      this.#budget -= cost
      const text = typeof value === 'string' ? value.trim() : ''
      return text === '' || text.includes('\n') || Buffer.byteLength(text) > maxMessageBytes
        ? undefined
        : text
    } catch {
      return undefined
    }
  }
}

/** What a value has under a key; undefined for null too, which rules never see as an old value. */
function memberOf(value: Json | undefined, key: string): Json | undefined {
  return isJsonObject(value) && Object.hasOwn(value, key) ? (value[key] ?? undefined) : undefined
}

const ruleName = ({ rule, message }: ValidationRule) =>
  (message === undefined || message === '' ? rule : message).trim()

function violation(
  field: string,
  value: Json | undefined,
  detail: string,
  reason: string | undefined,
): StatusCause {
  switch (reason) {
    case 'FieldValueForbidden':
      return forbiddenField(field, detail)
    case 'FieldValueRequired':
      return requiredField(field, detail)
    case 'FieldValueDuplicate':
      return duplicateField(field, value ?? detail)
    case undefined:
    default:
      return value === undefined ? invalidWithoutValue(field, detail) : invalidField(field, value, detail)
  }
}
