import { labelSelectorFrom, type LabelSelectorSpec } from '../../../apimachinery/selectors/label-selector.ts'
import { StatusError } from '../../../apimachinery/status-error.ts'
import type { JsonObject } from '../../../crds/meta/json.ts'
import { isJsonObject, type Json } from '../../../crds/meta/json.ts'
import { invalidField } from '../../schema/field-error.ts'
import { requiredField, unsupportedValue, type FieldError } from '../field-errors.ts'
import { listAt, objectsAt, stringsAt, textAt } from '../kube-object.ts'
import { qualifiedName } from '../names.ts'

/** What is wrong with a label selector that may be left out. */
export function selectorErrors(field: string, selector: Json | undefined): FieldError[] {
  if (!isJsonObject(selector)) return []
  try {
    labelSelectorFrom(selector as LabelSelectorSpec)
    return []
  } catch (error) {
    if (!(error instanceof StatusError)) throw error
    return [invalidField(field, selector, error.message)]
  }
}

/** What is wrong with a word that has to be one of a few, if it is there. */
export function choiceErrors(
  field: string,
  value: Json | undefined,
  choices: readonly string[],
): FieldError[] {
  if (value === undefined || (typeof value === 'string' && choices.includes(value))) return []
  return [unsupportedValue(field, value, choices)]
}

/** What is wrong with the rules of a webhook or policy. */
export function ruleErrors(field: string, rule: JsonObject): FieldError[] {
  return [
    ...operationErrors(`${field}.operations`, stringsAt(rule, 'operations')),
    ...wildcardErrors(`${field}.apiGroups`, stringsAt(rule, 'apiGroups'), 'API groups'),
    ...wildcardErrors(`${field}.apiVersions`, stringsAt(rule, 'apiVersions'), 'API versions'),
    ...emptyErrors(`${field}.apiVersions`, stringsAt(rule, 'apiVersions')),
    ...resourceErrors(`${field}.resources`, stringsAt(rule, 'resources')),
    ...choiceErrors(`${field}.scope`, rule['scope'], ['*', 'Cluster', 'Namespaced']),
  ]
}

const operations = ['*', 'CONNECT', 'CREATE', 'DELETE', 'UPDATE']

function operationErrors(field: string, given: readonly string[]): FieldError[] {
  return [
    ...wildcardErrors(field, given, 'operations'),
    ...given.flatMap((operation, index) => choiceErrors(`${field}[${index}]`, operation, operations)),
  ]
}

function wildcardErrors(field: string, given: readonly string[], what: string): FieldError[] {
  if (given.length === 0) return [requiredField(field)]
  if (given.length === 1 || !given.includes('*')) return []
  return [invalidField(field, [...given], `if '*' is present, must not specify other ${what}`)]
}

function emptyErrors(field: string, given: readonly string[]): FieldError[] {
  return given.flatMap((text, index) => (text === '' ? [requiredField(`${field}[${index}]`)] : []))
}

function resourceErrors(field: string, given: readonly string[]): FieldError[] {
  if (given.length === 0) return [requiredField(field)]
  const errors = [...emptyErrors(field, given), ...overlapErrors(field, given)]
  if (given.length > 1 && given.includes('*/*')) {
    errors.push(invalidField(field, [...given], "if '*/*' is present, must not specify other resources"))
  }
  const plain = given.some((text) => text !== '*' && text !== '' && !text.includes('/'))
  if (given.includes('*') && plain) {
    const detail = "if '*' is present, must not specify other resources without subresources"
    errors.push(invalidField(field, [...given], detail))
  }
  return errors
}

/** A rule for a whole resource, or for a subresource of all resources, leaves no room for what it includes. */
function overlapErrors(field: string, given: readonly string[]): FieldError[] {
  const errors: FieldError[] = []
  const wholeResources = new Set<string>()
  const wholeSubresources = new Set<string>()
  for (const [index, text] of given.entries()) {
    const slash = text.indexOf('/')
    if (slash < 0) continue
    const [resource, subresource] = [text.slice(0, slash), text.slice(slash + 1)]
    const at = `${field}[${index}]`
    if (wholeResources.has(resource)) {
      errors.push(invalidField(at, text, `if '${resource}/*' is present, must not specify ${text}`))
    }
    if (wholeSubresources.has(subresource)) {
      errors.push(invalidField(at, text, `if '*/${subresource}' is present, must not specify ${text}`))
    }
    if (subresource === '*') wholeResources.add(resource)
    if (resource === '*') wholeSubresources.add(subresource)
  }
  return errors
}

const maxMatchConditions = 64

/** `compile` tells what is wrong with an expression that has to give a bool. */
export function matchConditionErrors(
  field: string,
  owner: JsonObject,
  compile: (expression: string) => string | undefined,
): FieldError[] {
  const conditions = objectsAt(owner, 'matchConditions')
  if (conditions.length > maxMatchConditions) {
    return [
      {
        reason: 'FieldValueTooMany',
        message: `Too many: ${conditions.length}: must have at most ${maxMatchConditions} items`,
        field,
      },
    ]
  }
  return conditions.flatMap((condition, index) => {
    const at = `${field}[${index}]`
    const name = textAt(condition, 'name')
    const names =
      name === ''
        ? [requiredField(`${at}.name`)]
        : qualifiedName(name).map((problem) => invalidField(`${at}.name`, name, problem))
    return [...names, ...expressionErrors(`${at}.expression`, textAt(condition, 'expression'), compile)]
  })
}

export function expressionErrors(
  field: string,
  expression: string,
  compile: (expression: string) => string | undefined,
): FieldError[] {
  if (expression.trim() === '') return [requiredField(field)]
  const problem = compile(expression)
  return problem === undefined ? [] : [invalidField(field, expression, problem)]
}

/** What is wrong with `matchConstraints` or `matchResources`; `path` is where they stand. */
export function matchResourcesErrors(path: string, match: JsonObject): FieldError[] {
  const named = (name: string) =>
    objectsAt(match, name).flatMap((rule, index) => [
      ...ruleErrors(`${path}.${name}[${index}]`, rule),
      ...emptyErrors(`${path}.${name}[${index}].resourceNames`, stringsAt(rule, 'resourceNames')),
    ])
  return [
    ...choiceErrors(`${path}.matchPolicy`, match['matchPolicy'], ['Equivalent', 'Exact']),
    ...selectorErrors(`${path}.namespaceSelector`, match['namespaceSelector']),
    ...selectorErrors(`${path}.objectSelector`, match['objectSelector']),
    ...named('resourceRules'),
    ...named('excludeResourceRules'),
  ]
}

/** True when a list is there and has something in it. */
export const hasItems = (object: JsonObject, name: string) => listAt(object, name).length > 0
