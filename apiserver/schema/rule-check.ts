import type { StatusCause } from '../../apimachinery/status-error.ts'
import { invalidField, requiredField, unsupportedField } from './field-error.ts'
import type { SchemaNode } from './schema-node.ts'

const reasons = ['FieldValueDuplicate', 'FieldValueForbidden', 'FieldValueInvalid', 'FieldValueRequired']
const hasNewline = (text: string) => /[\n\r]/.test(text)

/** Checks the texts of `x-kubernetes-validations`; whether they compile is checked with the types at hand. */
export function checkRules(node: SchemaNode, path: string, errors: StatusCause[]): void {
  for (const [i, rule] of node.validations.entries()) {
    const at = `${path}.x-kubernetes-validations[${i}]`
    checkRuleText(rule.rule, rule.message, at, errors)
    if (
      rule.messageExpression !== undefined &&
      rule.messageExpression !== '' &&
      rule.messageExpression.trim() === ''
    ) {
      errors.push(
        requiredField(`${at}.messageExpression`, 'messageExpression must be non-empty if specified'),
      )
    }
    if (rule.reason !== undefined && !reasons.includes(rule.reason)) {
      errors.push(unsupportedField(`${at}.reason`, rule.reason, reasons))
    }
    checkRuleFieldPath(node, rule.fieldPath ?? '', `${at}.fieldPath`, errors)
  }
}

function checkRuleText(rule: string, message: string | undefined, at: string, errors: StatusCause[]): void {
  const shown = message?.trim() ?? ''
  if (rule.trim() === '') errors.push(requiredField(`${at}.rule`, 'rule is not specified'))
  else if (message !== undefined && message !== '' && shown === '') {
    errors.push(invalidField(`${at}.message`, message, 'must be non-empty if specified'))
  } else if (hasNewline(shown)) {
    errors.push(invalidField(`${at}.message`, message ?? '', 'must not contain line breaks'))
  } else if (hasNewline(rule.trim()) && shown === '') {
    errors.push(requiredField(`${at}.message`, 'message must be specified if rule contains line breaks'))
  }
}

function checkRuleFieldPath(node: SchemaNode, fieldPath: string, at: string, errors: StatusCause[]): void {
  if (fieldPath === '') return
  if (fieldPath.trim() === '') errors.push(invalidField(at, fieldPath, 'must be non-empty if specified'))
  if (hasNewline(fieldPath)) errors.push(invalidField(at, fieldPath, 'must not contain line breaks'))
  if (resolveFieldPath(node, fieldPath) === undefined) {
    errors.push(invalidField(at, fieldPath, 'must be a valid path'))
  }
}

/**
 * The steps of a rule's `fieldPath` (`.spec.labels['a.b']`), undefined when the schema has no such field. Lists cannot
 * be indexed.
 */
export function resolveFieldPath(
  node: SchemaNode,
  fieldPath: string,
): (string | { mapKey: string })[] | undefined {
  const steps: (string | { mapKey: string })[] = []
  const step = /\.([a-zA-Z_][a-zA-Z0-9_-]*)|\['((?:[^'\\]|\\.)+)'\]/y
  let current: SchemaNode | undefined = node
  while (step.lastIndex < fieldPath.length) {
    const found = step.exec(fieldPath)
    if (found === null) return undefined
    const key: string = found[1] ?? (found[2] ?? '').replace(/\\(.)/g, '$1')
    const property: SchemaNode | undefined = current.properties.get(key)
    const additional: SchemaNode['additionalProperties'] = current.additionalProperties
    current = property ?? (typeof additional === 'object' ? additional : undefined)
    if (current === undefined) return undefined
    steps.push(property === undefined ? { mapKey: key } : key)
  }
  return steps.length === 0 ? undefined : steps
}
