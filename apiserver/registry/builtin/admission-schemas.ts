import type { JsonObject } from '../../../crds/meta/json.ts'
import { integer, keyedList, list, map, object, strings, text, atomicObject } from './schema-parts.ts'

/* Parts that the kinds of admissionregistration.k8s.io share. */

export const labelSelector = (description: string, extra: JsonObject = {}): JsonObject => ({
  ...atomicObject(description, {
    matchLabels: map('Labels with their values, all of which have to be there.', text('')),
    matchExpressions: list(
      'Conditions on labels, all of which have to hold.',
      object(
        '',
        {
          key: text('Key of the label.'),
          operator: text('In, NotIn, Exists or DoesNotExist.'),
          values: strings('Values to compare with.'),
        },
        ['key', 'operator'],
      ),
    ),
  }),
  ...extra,
})

const ruleFields = {
  operations: strings('CREATE, UPDATE, DELETE, CONNECT or *.'),
  apiGroups: strings('Groups of the resources; * for all.'),
  apiVersions: strings('Versions of the resources; * for all.'),
  resources: strings('Resources, with subresources as in pods/status; *, */* and */status match many.'),
  scope: text('Cluster, Namespaced or *.', { default: '*' }),
}

/** What a webhook is called for. */
export const rules = list('What it is called for; one of them has to match.', object('', ruleFields))

const namedRules = (description: string) =>
  list(
    description,
    atomicObject('', { ...ruleFields, resourceNames: strings('Names of objects; all when left out.') }),
  )

export const matchConditions = keyedList(
  'CEL expressions that all have to be true for a request to be looked at.',
  ['name'],
  object(
    '',
    { name: text('Tells the conditions apart.'), expression: text('The expression; it gives a bool.') },
    ['name', 'expression'],
  ),
)

const matchPolicy = text('Exact, or Equivalent to match the same objects in other versions too.', {
  default: 'Equivalent',
})

/** What a policy or a binding is about. */
export const matchResources = (description: string): JsonObject =>
  object(description, {
    namespaceSelector: labelSelector('On the namespace of the object.', { default: {} }),
    objectSelector: labelSelector('On the object, new or old.', { default: {} }),
    resourceRules: namedRules('What is matched; one of them has to match.'),
    excludeResourceRules: namedRules('What is left out.'),
    matchPolicy,
  })

/** The fields that webhooks of both kinds have. */
export const webhookFields = {
  name: text('A domain name that tells the webhook apart.'),
  clientConfig: object('How to reach the webhook.', {
    url: text('Its URL.'),
    service: object(
      'The service in front of it.',
      {
        namespace: text('Namespace of the service.'),
        name: text('Name of the service.'),
        path: text('Path of the URL.'),
        port: integer('Port of the service.', { default: 443 }),
      },
      ['namespace', 'name'],
    ),
    // Often empty, or a placeholder, until somebody fills it in.
    caBundle: text('Certificates to trust, PEM-encoded and then in base64.'),
  }),
  rules,
  failurePolicy: text('Ignore or Fail: what becomes of a request when the webhook gives no answer.', {
    default: 'Fail',
  }),
  matchPolicy,
  namespaceSelector: labelSelector('On the namespace of the object.', { default: {} }),
  objectSelector: labelSelector('On the object, new or old.', { default: {} }),
  sideEffects: text('None or NoneOnDryRun.'),
  timeoutSeconds: integer('How long to wait for an answer, between 1 and 30.', { default: 10 }),
  admissionReviewVersions: strings('Versions of AdmissionReview that it understands, best first.'),
  matchConditions,
}

export const paramKind = atomicObject('Kind of the objects that parameters come from.', {
  apiVersion: text('API version of the kind.'),
  kind: text('The kind.'),
})

export const paramRef = atomicObject('Which objects are the parameters.', {
  name: text('Name of the object.'),
  namespace: text('Its namespace; that of the request when left out.'),
  selector: labelSelector('Selects objects, instead of a name.'),
  parameterNotFoundAction: text('Allow or Deny: what happens when there is none.'),
})

export const variables = keyedList(
  'Expressions with a name, for use in other expressions.',
  ['name'],
  atomicObject('', { name: text('Used as variables.name.'), expression: text('The expression.') }, [
    'name',
    'expression',
  ]),
)
