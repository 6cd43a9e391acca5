import type { JsonObject } from '../../../crds/meta/json.ts'
import type { KubeObject } from '../kube-object.ts'
import type { ResourceDefinition } from '../resource-definition.ts'
import type { FieldError } from '../field-errors.ts'
import { bindingErrors, mutatingPolicyErrors, validatingPolicyErrors } from './admission-policy-validation.ts'
import { matchConditions, matchResources, paramKind, paramRef, variables } from './admission-schemas.ts'
import { builtIn, statusPart, type BuiltIn } from './built-in.ts'
import { conditionList, integer, kindSchema, list, object, setOf, text } from './schema-parts.ts'

type Check = (object: KubeObject) => FieldError[]

function registered(
  kind: Pick<BuiltIn, 'kind' | 'plural' | 'schema' | 'subresources' | 'version' | 'stored'>,
  check: Check,
): ResourceDefinition {
  return builtIn({
    group: 'admissionregistration.k8s.io',
    namespaced: false,
    ...kind,
    strategy: {
      allowUnconditionalUpdate: false,
      countsGenerations: true,
      validate: check,
      validateUpdate: check,
    },
  })
}

const failurePolicy = text('Ignore or Fail: what becomes of a request when the policy cannot be evaluated.', {
  default: 'Fail',
})

const expressionOf = (description: string) => ({
  expression: text(description),
})

const validatingPolicySpec = object('What the policy demands.', {
  paramKind,
  matchConstraints: matchResources('Which requests the policy looks at.'),
  validations: list(
    'Expressions that have to be true.',
    object(
      '',
      {
        ...expressionOf('CEL; it gives a bool.'),
        message: text('Shown when the expression is false.'),
        messageExpression: text('CEL that gives the message.'),
        reason: text('Unauthorized, Forbidden, Invalid or RequestEntityTooLarge.'),
      },
      ['expression'],
    ),
  ),
  failurePolicy,
  auditAnnotations: list(
    'Annotations for the audit event.',
    object(
      '',
      {
        key: text('Last part of the key of the annotation.'),
        valueExpression: text('CEL that gives a string, or null for none.'),
      },
      ['key', 'valueExpression'],
    ),
  ),
  matchConditions,
  variables,
})

const policyStatus = object('What the server found out about the policy.', {
  observedGeneration: integer('The generation that the rest is about.', { format: 'int64' }),
  typeChecking: object('Whether the expressions fit the kinds that are matched.', {
    expressionWarnings: list(
      'What does not fit.',
      object('', { fieldRef: text('Where the expression stands.'), warning: text('What is wrong.') }, [
        'fieldRef',
        'warning',
      ]),
    ),
  }),
  conditions: conditionList('The state of the policy.'),
})

export const validatingAdmissionPolicies = registered(
  {
    kind: 'ValidatingAdmissionPolicy',
    plural: 'validatingadmissionpolicies',
    schema: kindSchema('Expressions that decide which writes are let through.', {
      spec: validatingPolicySpec,
      status: policyStatus,
    }),
    subresources: { status: statusPart },
  },
  validatingPolicyErrors,
)

const bindingSpec = (more: JsonObject) =>
  object('Which policy is in force for what.', {
    policyName: text('Name of the policy.'),
    paramRef,
    matchResources: matchResources('Narrows down what the policy looks at.'),
    ...more,
  })

export const validatingAdmissionPolicyBindings = registered(
  {
    kind: 'ValidatingAdmissionPolicyBinding',
    plural: 'validatingadmissionpolicybindings',
    schema: kindSchema('Puts a ValidatingAdmissionPolicy into force.', {
      spec: bindingSpec({
        validationActions: setOf('Deny, Warn, Audit: what happens when the policy is not satisfied.', {
          type: 'string',
        }),
      }),
    }),
  },
  (binding) => bindingErrors(binding, true),
)

const mutatingPolicySchema = kindSchema('Expressions that change what is written.', {
  spec: object('What the policy changes.', {
    paramKind,
    matchConstraints: matchResources('Which requests the policy looks at.'),
    variables,
    mutations: list(
      'The changes, one after the other.',
      object(
        '',
        {
          patchType: text('ApplyConfiguration or JSONPatch.'),
          applyConfiguration: object(
            'Fields to be merged into the object.',
            expressionOf('CEL; it gives an Object.'),
          ),
          jsonPatch: object('Operations on the object.', expressionOf('CEL; it gives a list of JSONPatch.')),
        },
        ['patchType'],
      ),
    ),
    failurePolicy,
    matchConditions,
    reinvocationPolicy: text('IfNeeded to be run again when the object was changed afterwards, or Never.'),
  }),
})

const mutatingBindingSchema = kindSchema('Puts a MutatingAdmissionPolicy into force.', {
  spec: bindingSpec({}),
})

type Version = 'v1' | 'v1beta1'

/** Kinds of mutations are served in two versions that differ in nothing but their name. */
function stored(version: Version): NonNullable<BuiltIn['stored']> {
  const inForce = 'admissionregistration.k8s.io/v1'
  if (version === 'v1') return { apiVersion: inForce }
  const served = `admissionregistration.k8s.io/${version}`
  return {
    apiVersion: inForce,
    encode: (object) => ({ ...object, apiVersion: inForce }),
    decode: (object) => ({ ...object, apiVersion: served }),
  }
}

const mutatingPolicies = (version: Version) =>
  registered(
    {
      kind: 'MutatingAdmissionPolicy',
      plural: 'mutatingadmissionpolicies',
      schema: mutatingPolicySchema,
      version,
      stored: stored(version),
    },
    mutatingPolicyErrors,
  )

const mutatingBindings = (version: Version) =>
  registered(
    {
      kind: 'MutatingAdmissionPolicyBinding',
      plural: 'mutatingadmissionpolicybindings',
      schema: mutatingBindingSchema,
      version,
      stored: stored(version),
    },
    (binding) => bindingErrors(binding, false),
  )

export const mutatingAdmissionPolicies = mutatingPolicies('v1')
export const mutatingAdmissionPolicyBindings = mutatingBindings('v1')

/** All kinds of policies in all versions. */
export const policyKinds: readonly ResourceDefinition[] = [
  validatingAdmissionPolicies,
  validatingAdmissionPolicyBindings,
  mutatingAdmissionPolicies,
  mutatingAdmissionPolicyBindings,
  mutatingPolicies('v1beta1'),
  mutatingBindings('v1beta1'),
]
