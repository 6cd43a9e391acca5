import type { JsonObject } from '../../../crds/meta/json.ts'
import { compileMutation } from '../../admission/policies/mutation.ts'
import { compilePolicy } from '../../admission/policies/compiled-policy.ts'
import { compileExpression } from '../../admission/cel/expressions.ts'
import { compileCondition } from '../../admission/cel/conditions.ts'
import { invalidField, tooLongField } from '../../schema/field-error.ts'
import { forbiddenField, requiredField, unsupportedValue, type FieldError } from '../field-errors.ts'
import { at, objectAt, objectsAt, stringsAt, textAt, type KubeObject } from '../kube-object.ts'
import { dnsLabel1035, qualifiedName } from '../names.ts'
import {
  choiceErrors,
  expressionErrors,
  hasItems,
  matchConditionErrors,
  matchResourcesErrors,
  selectorErrors,
} from './admission-match-validation.ts'

/** An environment to try expressions in, undefined when the policy's other parts are in the way of making one. */
type Environment = ReturnType<typeof compilePolicy>['environment']

const identifier = /^[_a-zA-Z][_a-zA-Z0-9]*$/

/** What is wrong with the parts that policies of both kinds have. */
function commonErrors(policy: KubeObject): { errors: FieldError[]; environment: Environment | undefined } {
  const spec = objectAt(policy, 'spec')
  const constraints = objectAt(spec, 'matchConstraints')
  const errors: FieldError[] = [
    ...choiceErrors('spec.failurePolicy', spec['failurePolicy'], ['Fail', 'Ignore']),
    ...(at(spec, 'paramKind') === undefined ? [] : paramKindErrors(objectAt(spec, 'paramKind'))),
    ...(at(spec, 'matchConstraints') === undefined ? [requiredField('spec.matchConstraints')] : []),
    ...matchResourcesErrors('spec.matchConstraints', constraints),
  ]
  if (at(spec, 'matchConstraints') !== undefined && !hasItems(constraints, 'resourceRules')) {
    errors.push(requiredField('spec.matchConstraints.resourceRules'))
  }
  const scope = { params: at(spec, 'paramKind') !== undefined, namespaceObject: true }
  errors.push(
    ...matchConditionErrors('spec.matchConditions', spec, (expression) =>
      errorOf(compileCondition(expression, scope)),
    ),
    ...objectsAt(spec, 'variables').flatMap((variable, index) =>
      variableErrors(`spec.variables[${index}]`, variable),
    ),
  )
  if (errors.length > 0) return { errors, environment: undefined }
  const { common, environment } = compilePolicy(policy)
  for (const [index, { compiled }] of [...common.variables.values()].entries()) {
    if (!('error' in compiled)) continue
    const expression = textAt(objectsAt(spec, 'variables')[index], 'expression')
    errors.push(invalidField(`spec.variables[${index}].expression`, expression, compiled.error))
  }
  return { errors, environment }
}

function errorOf(compiled: object): string | undefined {
  return 'error' in compiled ? String(compiled.error) : undefined
}

function paramKindErrors(paramKind: JsonObject): FieldError[] {
  const apiVersion = textAt(paramKind, 'apiVersion')
  const kind = textAt(paramKind, 'kind')
  const errors: FieldError[] = []
  if (apiVersion === '') errors.push(requiredField('spec.paramKind.apiVersion'))
  else if (apiVersion.split('/').length > 2) {
    errors.push(
      invalidField('spec.paramKind.apiVersion', apiVersion, `unexpected GroupVersion string: ${apiVersion}`),
    )
  }
  if (kind === '') return [...errors, requiredField('spec.paramKind.kind')]
  const problems = dnsLabel1035(kind.toLowerCase())
  const detail = `may have mixed case, but should otherwise match: ${problems.join(',')}`
  return problems.length === 0 ? errors : [...errors, invalidField('spec.paramKind.kind', kind, detail)]
}

function variableErrors(path: string, variable: JsonObject): FieldError[] {
  const name = textAt(variable, 'name')
  return [
    ...(name === '' ? [requiredField(`${path}.name`)] : []),
    ...(name !== '' && !identifier.test(name)
      ? [invalidField(`${path}.name`, name, 'name is not a valid CEL identifier')]
      : []),
    ...(textAt(variable, 'expression').trim() === '' ? [requiredField(`${path}.expression`)] : []),
  ]
}

export function validatingPolicyErrors(policy: KubeObject): FieldError[] {
  const spec = objectAt(policy, 'spec')
  const { errors, environment } = commonErrors(policy)
  if (!hasItems(spec, 'validations') && !hasItems(spec, 'auditAnnotations')) {
    for (const field of ['validations', 'auditAnnotations']) {
      errors.push(requiredField(`spec.${field}`, 'validations or auditAnnotations must be provided'))
    }
  }
  const compile =
    (...types: string[]) =>
    (expression: string) =>
      environment && errorOf(compileExpression(environment, expression, types))
  for (const [index, validation] of objectsAt(spec, 'validations').entries()) {
    errors.push(...validationErrors(`spec.validations[${index}]`, validation, compile))
  }
  for (const [index, annotation] of objectsAt(spec, 'auditAnnotations').entries()) {
    const path = `spec.auditAnnotations[${index}]`
    errors.push(
      ...annotationKeyErrors(`${path}.key`, policy, textAt(annotation, 'key')),
      ...expressionErrors(
        `${path}.valueExpression`,
        textAt(annotation, 'valueExpression'),
        compile('string', 'null'),
      ),
    )
  }
  return errors
}

type Compile = (...types: string[]) => (expression: string) => string | undefined

const reasons = ['Forbidden', 'Invalid', 'RequestEntityTooLarge', 'Unauthorized']

function validationErrors(path: string, validation: JsonObject, compile: Compile): FieldError[] {
  const expression = textAt(validation, 'expression')
  const { message, messageExpression } = validation
  const errors = expressionErrors(`${path}.expression`, expression, compile('bool'))
  if (typeof message === 'string' && message !== '') {
    if (message.trim() === '') {
      errors.push(invalidField(`${path}.message`, message, 'message must be non-empty if specified'))
    } else if (message.trim().includes('\n')) {
      errors.push(invalidField(`${path}.message`, message, 'message must not contain line breaks'))
    }
  } else if (expression.trim().includes('\n')) {
    const detail = 'message must be specified if expression contains line breaks'
    errors.push(requiredField(`${path}.message`, detail))
  }
  if (typeof messageExpression === 'string' && messageExpression !== '') {
    const field = `${path}.messageExpression`
    if (messageExpression.trim() === '') {
      errors.push(invalidField(field, messageExpression, 'must be non-empty if specified'))
    } else errors.push(...expressionErrors(field, messageExpression, compile('string')))
  }
  return [...errors, ...choiceErrors(`${path}.reason`, validation['reason'], reasons)]
}

const maxKeyLength = 63

function annotationKeyErrors(field: string, policy: KubeObject, key: string): FieldError[] {
  if (key === '') return [requiredField(field)]
  if (key.length > maxKeyLength) return [tooLongField(field, maxKeyLength)]
  return qualifiedName(`${policy.metadata.name ?? ''}/${key}`).map((problem) =>
    invalidField(field, key, problem),
  )
}

export function mutatingPolicyErrors(policy: KubeObject): FieldError[] {
  const spec = objectAt(policy, 'spec')
  const { errors, environment } = commonErrors(policy)
  for (const [index, rule] of objectsAt(spec, 'matchConstraints', 'resourceRules').entries()) {
    for (const [position, operation] of stringsAt(rule, 'operations').entries()) {
      if (operation !== 'DELETE') continue
      const field = `spec.matchConstraints.resourceRules[${index}].operations[${position}]`
      errors.push(unsupportedValue(field, operation, ['*', 'CONNECT', 'CREATE', 'UPDATE']))
    }
  }
  if (at(spec, 'reinvocationPolicy') === undefined) errors.push(requiredField('spec.reinvocationPolicy'))
  errors.push(
    ...choiceErrors('spec.reinvocationPolicy', spec['reinvocationPolicy'], ['IfNeeded', 'Never']),
    ...(hasItems(spec, 'mutations') ? [] : [requiredField('spec.mutations')]),
    ...objectsAt(spec, 'mutations').flatMap((mutation, index) =>
      mutationErrors(`spec.mutations[${index}]`, mutation, environment),
    ),
  )
  return errors
}

const patchFields: Readonly<Record<string, string>> = {
  ApplyConfiguration: 'applyConfiguration',
  JSONPatch: 'jsonPatch',
}

function mutationErrors(
  path: string,
  mutation: JsonObject,
  environment: Environment | undefined,
): FieldError[] {
  const type = textAt(mutation, 'patchType')
  const field = patchFields[type]
  if (type === '') return [requiredField(`${path}.patchType`)]
  if (field === undefined) {
    return [unsupportedValue(`${path}.patchType`, type, ['ApplyConfiguration', 'JSONPatch'])]
  }
  const [other = ''] = Object.values(patchFields).filter((name) => name !== field)
  if (at(mutation, other) !== undefined) {
    return [forbiddenField(`${path}.${other}`, `may not be specified when patchType is ${type}`)]
  }
  if (at(mutation, field) === undefined) {
    return [requiredField(`${path}.${field}`, `must be specified when patchType is ${type}`)]
  }
  return expressionErrors(
    `${path}.${field}.expression`,
    textAt(mutation, field, 'expression'),
    (expression) => environment && errorOf(compileMutation(environment, type, expression)),
  )
}

/** What is wrong with a binding; `validating` ones have actions. */
export function bindingErrors(binding: KubeObject, validating: boolean): FieldError[] {
  const spec = objectAt(binding, 'spec')
  return [
    ...(textAt(spec, 'policyName') === '' ? [requiredField('spec.policyName')] : []),
    ...(at(spec, 'paramRef') === undefined ? [] : paramRefErrors(objectAt(spec, 'paramRef'))),
    ...matchResourcesErrors('spec.matchResources', objectAt(spec, 'matchResources')),
    ...(validating ? actionErrors(stringsAt(spec, 'validationActions')) : []),
  ]
}

function paramRefErrors(paramRef: JsonObject): FieldError[] {
  const path = 'spec.paramRef'
  const named = textAt(paramRef, 'name') !== ''
  const selected = at(paramRef, 'selector') !== undefined
  const errors: FieldError[] = []
  if (named && selected) {
    errors.push(forbiddenField(`${path}.name`, 'name and selector are mutually exclusive'))
    errors.push(forbiddenField(`${path}.selector`, 'name and selector are mutually exclusive'))
  } else if (!named && !selected) {
    errors.push(requiredField(path, 'one of name or selector must be specified'))
  }
  if (textAt(paramRef, 'parameterNotFoundAction') === '') {
    errors.push(requiredField(`${path}.parameterNotFoundAction`))
  }
  return [
    ...errors,
    ...selectorErrors(`${path}.selector`, paramRef['selector']),
    ...choiceErrors(`${path}.parameterNotFoundAction`, paramRef['parameterNotFoundAction'], [
      'Allow',
      'Deny',
    ]),
  ]
}

const actions = ['Audit', 'Deny', 'Warn']

function actionErrors(given: readonly string[]): FieldError[] {
  const field = 'spec.validationActions'
  if (given.length === 0) return [requiredField(field)]
  const errors = given.flatMap((action, index) => choiceErrors(`${field}[${index}]`, action, actions))
  if (given.includes('Deny') && given.includes('Warn')) {
    errors.push(
      invalidField(
        field,
        [...given],
        'must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)',
      ),
    )
  }
  return errors
}
