import type { StatusCause } from '../../apimachinery/status-error.ts'
import { jsonEqual } from '../../apimachinery/patch/json-equal.ts'
import { isJsonObject, type Json, type JsonObject } from '../../crds/meta/json.ts'
import { Correlation } from './correlation.ts'
import { compileDefaults, type NullTreatment } from './defaults.ts'
import { RuleValidation } from './cel/rule-validation.ts'
import { compileRules, hasRules } from './cel/rules.ts'
import { invalidField, noField } from './field-error.ts'
import { keywordErrors } from './keyword-check.ts'
import { compileListCheck } from './list-types.ts'
import { compilePrune, type Pruned } from './prune.ts'
import { readSchema, type SchemaNode } from './schema-node.ts'
import { structuralErrors } from './structural-check.ts'
import { compileCheck } from './value-validation.ts'
import { ValueRun, type Check } from './value-run.ts'

export interface CompileOptions {
  /** Where the schema stands, as errors name it. Default: `spec.validation.openAPIV3Schema`. */
  readonly path?: string
}

export interface ValidateOptions {
  /** The stored object on update: what was invalid and has not changed is tolerated, transition rules see it. */
  readonly old?: JsonObject | undefined
}

/** A schema compiled once for all objects of a kind. No function changes what it is given; copies share what is equal. */
export interface CompiledSchema {
  /** The schema as read: for whoever walks objects with it, as server-side apply does. */
  readonly root: SchemaNode
  /** Drops fields that the schema does not know and lists them; throws a BadRequest StatusError for absurd nesting. */
  prune(object: JsonObject): Pruned
  /**
   * Fills in defaults and drops nulls that are not allowed, or keeps them for validation to refuse. Returns the object
   * itself when nothing changes.
   */
  applyDefaults(object: JsonObject, nulls?: NullTreatment): JsonObject
  /** What is wrong with an object, as causes of an Invalid status; empty when it is valid. */
  validate(object: JsonObject, options?: ValidateOptions): StatusCause[]
}

/**
 * Checks that a schema is structural and otherwise fit for a CustomResourceDefinition, and compiles it. Errors carry
 * the paths and words of Kubernetes; `schema` is given only when there are none.
 */
export function compileSchema(
  openAPIV3Schema: JsonObject,
  options: CompileOptions = {},
): { schema?: CompiledSchema; errors: StatusCause[] } {
  const path = options.path ?? 'spec.validation.openAPIV3Schema'
  const readErrors: StatusCause[] = []
  const root = readSchema(openAPIV3Schema, path, readErrors)
  const errors = [...readErrors, ...structuralErrors(root, path), ...keywordErrors(root, path)]
  if (errors.length > 0) return { errors }
  // Rules are compiled only over a sound schema: on another one, their errors would mislead.
  const { rules, errors: ruleErrors } = compileSchemaRules(root, path)
  errors.push(...defaultErrors(root, path, rules), ...ruleErrors)
  if (errors.length > 0) return { errors }
  return { schema: new StructuralSchema(root, rules), errors }
}

function compileSchemaRules(
  root: SchemaNode,
  path: string,
): { rules?: RuleValidation; errors: StatusCause[] } {
  if (!hasRules(root)) return { errors: [] }
  const { levels, errors } = compileRules(root, path)
  return errors.length > 0 ? { errors } : { rules: new RuleValidation(root, levels), errors }
}

class StructuralSchema implements CompiledSchema {
  readonly root: SchemaNode
  readonly prune: (object: JsonObject) => Pruned
  readonly applyDefaults: (object: JsonObject, nulls?: NullTreatment) => JsonObject
  readonly #check: Check
  readonly #lists: ((object: JsonObject) => StatusCause[]) | undefined
  readonly #rules: RuleValidation | undefined

  constructor(root: SchemaNode, rules: RuleValidation | undefined) {
    this.root = root
    this.prune = compilePrune(root)
    this.applyDefaults = compileDefaults(root)
    this.#check = compileCheck(root)
    this.#lists = compileListCheck(root)
    this.#rules = rules
  }

  validate(object: JsonObject, { old }: ValidateOptions = {}): StatusCause[] {
    const errors = this.#valueErrors(object, old)
    const listErrors = this.#lists?.(object) ?? []
    // Lists with repeats are tolerated as a whole when the stored object had some already.
    if (listErrors.length > 0 && (old === undefined || this.#lists?.(old).length === 0))
      errors.push(...listErrors)
    if (this.#rules === undefined) return errors
    if (errors.some(blocksRules)) errors.push(rulesNotRun)
    else errors.push(...this.#rules.validate(object, old))
    return errors
  }

  #valueErrors(object: JsonObject, old: JsonObject | undefined): StatusCause[] {
    const run = new ValueRun()
    this.#check(object, run, undefined)
    if (run.errors.length === 0 || old === undefined) return run.errors
    // Only an invalid update is worth comparing with what is stored.
    const ratcheted = new ValueRun()
    this.#check(object, ratcheted, new Correlation(this.root, object, old))
    return ratcheted.errors
  }
}

/** Faults of a kind that rules, which count on types and sizes, must not meet. */
function blocksRules({ reason }: StatusCause): boolean {
  return reason !== undefined && blocking.has(reason)
}

const blocking = new Set([
  'FieldValueNotSupported',
  'FieldValueRequired',
  'FieldValueTooLong',
  'FieldValueTooMany',
  'FieldValueTypeInvalid',
])

const rulesNotRun = invalidField(
  noField,
  null,
  'some validation rules were not checked because the object was invalid; correct the existing errors to complete validation',
)

/** Defaults must have no unknown fields and be valid themselves. */
function defaultErrors(root: SchemaNode, path: string, rules: RuleValidation | undefined): StatusCause[] {
  const errors: StatusCause[] = []
  const visit = (node: SchemaNode, at: string) => {
    if (node.default !== undefined) errors.push(...checkDefault(node, node.default, `${at}.default`, rules))
    if (node.items !== undefined) visit(node.items, `${at}.items`)
    for (const [key, child] of node.properties) visit(child, `${at}.properties[${key}]`)
  }
  visit(root, path)
  return errors
}

function checkDefault(
  node: SchemaNode,
  value: Json,
  path: string,
  rules: RuleValidation | undefined,
): StatusCause[] {
  if (!isPruned(node, value)) return [invalidField(path, value, 'must not have unknown fields')]
  const run = new ValueRun(path)
  compileCheck(node)(value, run, undefined)
  return run.errors.length > 0 ? run.errors : (rules?.validateValue(node, value, path) ?? [])
}

function isPruned(node: SchemaNode, value: Json): boolean {
  if (!isJsonObject(value) && !Array.isArray(value)) return true
  const holder = {
    ...node,
    preserveUnknownFields: false,
    additionalProperties: undefined,
    properties: new Map([['default', node]]),
  }
  const { object, unknownFields } = compilePrune(holder)({ default: value })
  return unknownFields.length === 0 && jsonEqual(object['default'], value)
}
