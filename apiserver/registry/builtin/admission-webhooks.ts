import { jsonEqual } from '../../../apimachinery/patch/json-equal.ts'
import type { JsonObject } from '../../../crds/meta/json.ts'
import { compileCondition } from '../../admission/cel/conditions.ts'
import { validateClientConfig } from '../../webhook/validate-client-config.ts'
import { invalidField } from '../../schema/field-error.ts'
import { requiredField, type FieldError } from '../field-errors.ts'
import { at, objectAt, objectsAt, stringsAt, textAt, type KubeObject } from '../kube-object.ts'
import { dnsLabel1035, dnsSubdomain } from '../names.ts'
import {
  choiceErrors,
  matchConditionErrors,
  ruleErrors,
  selectorErrors,
} from './admission-match-validation.ts'
import { webhookFields } from './admission-schemas.ts'
import { builtIn } from './built-in.ts'
import { keyedList, kindSchema, object, text } from './schema-parts.ts'

const required = ['name', 'clientConfig', 'sideEffects', 'admissionReviewVersions']

function configuration(kind: string, plural: string, what: string, fields: JsonObject) {
  return builtIn({
    group: 'admissionregistration.k8s.io',
    kind,
    plural,
    namespaced: false,
    schema: kindSchema(what, {
      webhooks: keyedList('The webhooks.', ['name'], object('', { ...webhookFields, ...fields }, required)),
    }),
    strategy: {
      allowUnconditionalUpdate: false,
      countsGenerations: true,
      validate: (configured) => webhookErrors(configured, undefined),
      validateUpdate: webhookErrors,
    },
  })
}

export const mutatingWebhookConfigurations = configuration(
  'MutatingWebhookConfiguration',
  'mutatingwebhookconfigurations',
  'Webhooks that may change what is written.',
  {
    reinvocationPolicy: text(
      'IfNeeded to be called again when the object was changed afterwards, or Never.',
      {
        default: 'Never',
      },
    ),
  },
)

export const validatingWebhookConfigurations = configuration(
  'ValidatingWebhookConfiguration',
  'validatingwebhookconfigurations',
  'Webhooks that may refuse what is written.',
  {},
)

/** A webhook that stays as it was is not looked at again: rules may have become stricter since. */
function webhookErrors(configured: KubeObject, current: KubeObject | undefined): FieldError[] {
  const before = new Map(objectsAt(current, 'webhooks').map((webhook) => [textAt(webhook, 'name'), webhook]))
  return objectsAt(configured, 'webhooks').flatMap((webhook, index) =>
    jsonEqual(before.get(textAt(webhook, 'name')), webhook) ? [] : errorsOf(`webhooks[${index}]`, webhook),
  )
}

function errorsOf(path: string, webhook: JsonObject): FieldError[] {
  return [
    ...reviewVersionErrors(`${path}.admissionReviewVersions`, stringsAt(webhook, 'admissionReviewVersions')),
    ...nameErrors(`${path}.name`, textAt(webhook, 'name')),
    ...objectsAt(webhook, 'rules').flatMap((rule, index) => ruleErrors(`${path}.rules[${index}]`, rule)),
    ...choiceErrors(`${path}.failurePolicy`, webhook['failurePolicy'], ['Fail', 'Ignore']),
    ...choiceErrors(`${path}.matchPolicy`, webhook['matchPolicy'], ['Equivalent', 'Exact']),
    ...choiceErrors(`${path}.sideEffects`, webhook['sideEffects'], ['None', 'NoneOnDryRun']),
    ...choiceErrors(`${path}.reinvocationPolicy`, webhook['reinvocationPolicy'], ['IfNeeded', 'Never']),
    ...timeoutErrors(`${path}.timeoutSeconds`, webhook),
    ...selectorErrors(`${path}.namespaceSelector`, webhook['namespaceSelector']),
    ...selectorErrors(`${path}.objectSelector`, webhook['objectSelector']),
    ...clientConfigErrors(`${path}.clientConfig`, objectAt(webhook, 'clientConfig')),
    ...matchConditionErrors(`${path}.matchConditions`, webhook, (expression) => {
      const compiled = compileCondition(expression)
      return 'error' in compiled ? compiled.error : undefined
    }),
  ]
}

/** As in Kubernetes, what the bundle holds shows when the webhook is called. */
function clientConfigErrors(path: string, { caBundle, ...config }: JsonObject): FieldError[] {
  const errors = validateClientConfig(path, config)
  if (typeof caBundle !== 'string' || base64.test(caBundle)) return errors
  return [...errors, invalidField(`${path}.caBundle`, caBundle, 'must be encoded in base64')]
}

const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/

/** The versions of AdmissionReview that this server speaks. */
export const reviewVersions: readonly string[] = ['v1', 'v1beta1']

function reviewVersionErrors(field: string, versions: readonly string[]): FieldError[] {
  if (versions.length === 0) {
    return [requiredField(field, `must specify one of ${reviewVersions.join(', ')}`)]
  }
  const errors = versions.flatMap((version, index) =>
    dnsLabel1035(version).map((problem) => invalidField(`${field}[${index}]`, version, problem)),
  )
  if (errors.length === 0 && !versions.some((version) => reviewVersions.includes(version))) {
    const detail = `must include at least one of ${reviewVersions.join(', ')}`
    errors.push(invalidField(field, [...versions], detail))
  }
  return errors
}

function nameErrors(field: string, name: string): FieldError[] {
  if (name === '') return [requiredField(field)]
  const problems = dnsSubdomain(name)
  if (problems.length > 0) return [invalidField(field, name, problems.join(','))]
  if (name.split('.').length >= 3) return []
  return [invalidField(field, name, 'should be a domain with at least three segments separated by dots')]
}

function timeoutErrors(field: string, webhook: JsonObject): FieldError[] {
  const seconds = at(webhook, 'timeoutSeconds')
  if (typeof seconds !== 'number' || (seconds >= 1 && seconds <= 30)) return []
  return [invalidField(field, seconds, 'the timeout value must be between 1 and 30 seconds')]
}
