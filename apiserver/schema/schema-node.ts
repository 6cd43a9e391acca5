import type { StatusCause } from '../../apimachinery/status-error.ts'
import { isJsonObject, type Json, type JsonObject } from '../../crds/meta/json.ts'
import { forbiddenField, invalidField } from './field-error.ts'

/** One rule of `x-kubernetes-validations`. */
export interface ValidationRule {
  readonly rule: string
  readonly message: string | undefined
  readonly messageExpression: string | undefined
  readonly reason: string | undefined
  readonly fieldPath: string | undefined
  readonly optionalOldSelf: boolean | undefined
}

/**
 * One level of an OpenAPI v3 schema as CRDs use it, read once from JSON. Both the structural part and what stands
 * under `allOf`, `anyOf`, `oneOf` and `not` have this shape. `type` is '' where none is given.
 */
export interface SchemaNode {
  readonly type: string
  readonly format: string
  readonly title: string
  readonly description: string
  readonly nullable: boolean
  readonly default: Json | undefined
  readonly properties: ReadonlyMap<string, SchemaNode>
  /** `true` and `false` as written; undefined when not given. */
  readonly additionalProperties: SchemaNode | boolean | undefined
  readonly items: SchemaNode | undefined

  readonly maximum: number | undefined
  readonly exclusiveMaximum: boolean
  readonly minimum: number | undefined
  readonly exclusiveMinimum: boolean
  readonly multipleOf: number | undefined
  readonly maxLength: number | undefined
  readonly minLength: number | undefined
  readonly pattern: string
  readonly maxItems: number | undefined
  readonly minItems: number | undefined
  readonly uniqueItems: boolean
  readonly maxProperties: number | undefined
  readonly minProperties: number | undefined
  readonly required: readonly string[]
  readonly enum: readonly Json[]
  readonly allOf: readonly SchemaNode[]
  readonly anyOf: readonly SchemaNode[]
  readonly oneOf: readonly SchemaNode[]
  readonly not: SchemaNode | undefined

  readonly preserveUnknownFields: boolean
  readonly embeddedResource: boolean
  readonly intOrString: boolean
  readonly listType: string | undefined
  readonly listMapKeys: readonly string[]
  readonly mapType: string | undefined
  readonly patchMergeKey: string | undefined
  readonly patchStrategy: string | undefined
  readonly validations: readonly ValidationRule[]
}

// Deeper than any schema that people write; keeps every later recursion over a schema within the stack.
const maxDepth = 200

/**
 * Reads a schema from JSON. Keywords of the wrong JSON type, keywords that CRDs do not support and schemas nested too
 * deep are added to `errors`; what could be read is returned all the same.
 */
export function readSchema(json: JsonObject, path: string, errors: StatusCause[]): SchemaNode {
  return new Reader(errors).node(json, path, 0)
}

class Reader {
  readonly #errors: StatusCause[]

  constructor(errors: StatusCause[]) {
    this.#errors = errors
  }

  node(json: JsonObject, path: string, depth: number): SchemaNode {
    this.#refuseUnsupported(json, path)
    return {
      type: this.#string(json, 'type', path) ?? '',
      format: this.#string(json, 'format', path) ?? '',
      title: this.#string(json, 'title', path) ?? '',
      description: this.#string(json, 'description', path) ?? '',
      nullable: this.#boolean(json, 'nullable', path),
      // JSON null counts as no default: the Go type cannot tell them apart.
      default: json['default'] ?? undefined,
      ...this.#children(json, path, depth),
      ...this.#limits(json, path),
      ...this.#combinators(json, path, depth),
      ...this.#extensions(json, path),
    }
  }

  #children(json: JsonObject, path: string, depth: number) {
    const properties = new Map<string, SchemaNode>()
    for (const [key, value] of Object.entries(this.#object(json, 'properties', path))) {
      const child = this.#schema(value, `${path}.properties[${key}]`, depth)
      if (child !== undefined) properties.set(key, child)
    }
    const additional = json['additionalProperties']
    const additionalProperties =
      typeof additional === 'boolean'
        ? additional
        : this.#schema(additional, `${path}.additionalProperties`, depth)
    return { properties, additionalProperties, items: this.#items(json['items'], `${path}.items`, depth) }
  }

  #items(items: Json | undefined, path: string, depth: number): SchemaNode | undefined {
    if (!Array.isArray(items)) return this.#schema(items, path, depth)
    this.#errors.push(forbiddenField(path, 'items must be a schema object and not an array'))
    return undefined
  }

  #limits(json: JsonObject, path: string) {
    return {
      maximum: this.#number(json, 'maximum', path),
      exclusiveMaximum: this.#boolean(json, 'exclusiveMaximum', path),
      minimum: this.#number(json, 'minimum', path),
      exclusiveMinimum: this.#boolean(json, 'exclusiveMinimum', path),
      multipleOf: this.#number(json, 'multipleOf', path),
      maxLength: this.#number(json, 'maxLength', path),
      minLength: this.#number(json, 'minLength', path),
      pattern: this.#string(json, 'pattern', path) ?? '',
      maxItems: this.#number(json, 'maxItems', path),
      minItems: this.#number(json, 'minItems', path),
      uniqueItems: this.#boolean(json, 'uniqueItems', path),
      maxProperties: this.#number(json, 'maxProperties', path),
      minProperties: this.#number(json, 'minProperties', path),
      required: this.#strings(json, 'required', path),
      enum: this.#array(json, 'enum', path),
    }
  }

  #combinators(json: JsonObject, path: string, depth: number) {
    const list = (key: 'allOf' | 'anyOf' | 'oneOf') =>
      this.#array(json, key, path)
        .map((item, index) => this.#schema(item, `${path}.${key}[${index}]`, depth))
        .filter((item) => item !== undefined)
    return {
      allOf: list('allOf'),
      anyOf: list('anyOf'),
      oneOf: list('oneOf'),
      not: this.#schema(json['not'], `${path}.not`, depth),
    }
  }

  #extensions(json: JsonObject, path: string) {
    const preserve = json['x-kubernetes-preserve-unknown-fields']
    if (preserve === false) {
      this.#errors.push(
        invalidField(`${path}.x-kubernetes-preserve-unknown-fields`, false, 'must be true or undefined'),
      )
    }
    return {
      preserveUnknownFields: preserve === true,
      embeddedResource: this.#boolean(json, 'x-kubernetes-embedded-resource', path),
      intOrString: this.#boolean(json, 'x-kubernetes-int-or-string', path),
      listType: this.#string(json, 'x-kubernetes-list-type', path),
      listMapKeys: this.#strings(json, 'x-kubernetes-list-map-keys', path),
      mapType: this.#string(json, 'x-kubernetes-map-type', path),
      patchMergeKey: this.#string(json, 'x-kubernetes-patch-merge-key', path),
      patchStrategy: this.#string(json, 'x-kubernetes-patch-strategy', path),
      validations: this.#validations(json, path),
    }
  }

  #validations(json: JsonObject, path: string): ValidationRule[] {
    const at = `${path}.x-kubernetes-validations`
    return this.#array(json, 'x-kubernetes-validations', path).map((item, index) => {
      const rule = isJsonObject(item) ? item : {}
      const rulePath = `${at}[${index}]`
      return {
        rule: this.#string(rule, 'rule', rulePath) ?? '',
        message: this.#string(rule, 'message', rulePath),
        messageExpression: this.#string(rule, 'messageExpression', rulePath),
        reason: this.#string(rule, 'reason', rulePath),
        fieldPath: this.#string(rule, 'fieldPath', rulePath),
        optionalOldSelf:
          rule['optionalOldSelf'] === undefined
            ? undefined
            : this.#boolean(rule, 'optionalOldSelf', rulePath),
      }
    })
  }

  #schema(value: Json | undefined, path: string, depth: number): SchemaNode | undefined {
    if (value === undefined || value === null) return undefined
    if (!isJsonObject(value)) {
      this.#errors.push(invalidField(path, value, 'must be a schema'))
      return undefined
    }
    if (depth >= maxDepth) {
      this.#errors.push(forbiddenField(path, `must not be nested more than ${maxDepth} levels deep`))
      return undefined
    }
    return this.node(value, path, depth + 1)
  }

  #refuseUnsupported(json: JsonObject, path: string): void {
    for (const key of [
      'id',
      'additionalItems',
      'patternProperties',
      'definitions',
      'dependencies',
      '$ref',
      '$schema',
    ]) {
      const value = json[key]
      const empty = isJsonObject(value) && Object.keys(value).length === 0
      if (value === undefined || value === null || value === '' || empty) continue
      this.#errors.push(forbiddenField(`${path}.${key}`, `${key} is not supported`))
    }
  }

  #string(json: JsonObject, key: string, path: string): string | undefined {
    const value = json[key] ?? undefined
    if (value === undefined || typeof value === 'string') return value
    return this.#wrong(value, `${path}.${key}`, 'string')
  }

  #number(json: JsonObject, key: string, path: string): number | undefined {
    const value = json[key] ?? undefined
    if (value === undefined || typeof value === 'number') return value
    return this.#wrong(value, `${path}.${key}`, 'number')
  }

  #boolean(json: JsonObject, key: string, path: string): boolean {
    const value = json[key] ?? false
    if (typeof value === 'boolean') return value
    this.#wrong(value, `${path}.${key}`, 'boolean')
    return false
  }

  #array(json: JsonObject, key: string, path: string): Json[] {
    const value = json[key] ?? []
    if (Array.isArray(value)) return value
    this.#wrong(value, `${path}.${key}`, 'array')
    return []
  }

  #object(json: JsonObject, key: string, path: string): JsonObject {
    const value = json[key] ?? {}
    if (isJsonObject(value)) return value
    this.#wrong(value, `${path}.${key}`, 'object')
    return {}
  }

  #strings(json: JsonObject, key: string, path: string): string[] {
    return this.#array(json, key, path).filter((item, index) => {
      if (typeof item === 'string') return true
      this.#wrong(item, `${path}.${key}[${index}]`, 'string')
      return false
    }) as string[]
  }

  #wrong(value: Json, path: string, type: string): undefined {
    this.#errors.push(invalidField(path, value, `must be of type ${type}`))
  }
}
