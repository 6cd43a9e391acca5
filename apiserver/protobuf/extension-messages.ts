/** Messages of the kinds that extend the API, in the notation of `messages.ts`. */
export const extensionMessages = {
  'apiextensions.k8s.io/v1/CustomResourceDefinition':
    '1 metadata ObjectMeta,2 spec CrdSpec,3 status CrdStatus',
  CrdSpec:
    '1 group s,3 names CrdNames,4 scope s,7 versions []CrdVersion,9 conversion CrdConversion,10 preserveUnknownFields b',
  CrdNames: '1 plural s,2 singular s,3 shortNames []s,4 kind s,5 listKind s,6 categories []s',
  CrdStatus:
    '1 conditions []CrdCondition,2 acceptedNames CrdNames,3 storedVersions []s,4 observedGeneration i',
  CrdCondition: '1 type s,2 status s,3 lastTransitionTime T,4 reason s,5 message s,6 observedGeneration i',
  CrdVersion:
    '1 name s,2 served b?,3 storage b?,4 schema CrdValidation,5 subresources CrdSubresources,' +
    '6 additionalPrinterColumns []CrdColumn,7 deprecated b,8 deprecationWarning s?,9 selectableFields []CrdField',
  CrdValidation: '1 openAPIV3Schema JsonSchema',
  CrdSubresources: '1 status Empty,2 scale CrdScale',
  Empty: '',
  CrdScale: '1 specReplicasPath s,2 statusReplicasPath s,3 labelSelectorPath s?',
  CrdColumn: '1 name s,2 type s,3 format s,4 description s,5 priority i,6 jsonPath s',
  CrdField: '1 jsonPath s',
  CrdConversion: '1 strategy s,2 webhook CrdWebhook',
  CrdWebhook: '2 clientConfig WebhookClientConfig,3 conversionReviewVersions []s',
  JsonSchema:
    '1 id s,2 $schema s,3 $ref s?,4 description s,5 type s,6 format s,7 title s,8 default J?,9 maximum D?,' +
    '10 exclusiveMaximum b,11 minimum D?,12 exclusiveMinimum b,13 maxLength i?,14 minLength i?,15 pattern s,' +
    '16 maxItems i?,17 minItems i?,18 uniqueItems b,19 multipleOf D?,20 enum []J,21 maxProperties i?,' +
    '22 minProperties i?,23 required []s,24 items |SchemaOrArray,25 allOf []JsonSchema,26 oneOf []JsonSchema,' +
    '27 anyOf []JsonSchema,28 not JsonSchema,29 properties {}JsonSchema,30 additionalProperties |SchemaOrBool?,' +
    '31 patternProperties {}JsonSchema,32 dependencies {}|SchemaOrStrings,33 additionalItems |SchemaOrBool?,' +
    '34 definitions {}JsonSchema,35 externalDocs ExternalDocs,36 example J?,37 nullable b,' +
    '38 x-kubernetes-preserve-unknown-fields b?,39 x-kubernetes-embedded-resource b,40 x-kubernetes-int-or-string b,' +
    '41 x-kubernetes-list-map-keys []s,42 x-kubernetes-list-type s?,43 x-kubernetes-map-type s?,' +
    '44 x-kubernetes-validations []SchemaRule',
  ExternalDocs: '1 description s,2 url s',
  SchemaRule: '1 rule s,2 message s,3 messageExpression s,4 reason s?,5 fieldPath s,6 optionalOldSelf b?',
  // Of these exactly one field counts, which stands in JSON in place of the message.
  SchemaOrArray: '1 schema JsonSchema,2 list []JsonSchema',
  SchemaOrStrings: '1 schema JsonSchema,2 list []s',
  SchemaOrBool: '1 allows b?,2 schema JsonSchema',
  WebhookClientConfig: '1 service WebhookService,2 caBundle y,3 url s?',
  WebhookService: '1 namespace s,2 name s,3 path s?,4 port i?',

  'admissionregistration.k8s.io/v1/ValidatingWebhookConfiguration':
    '1 metadata ObjectMeta,2 webhooks []ValidatingWebhook',
  'admissionregistration.k8s.io/v1/MutatingWebhookConfiguration':
    '1 metadata ObjectMeta,2 webhooks []MutatingWebhook',
  ValidatingWebhook:
    '1 name s,2 clientConfig WebhookClientConfig,3 rules []WebhookRule,4 failurePolicy s?,' +
    '5 namespaceSelector LabelSelector,6 sideEffects s?,7 timeoutSeconds i?,8 admissionReviewVersions []s,' +
    '9 matchPolicy s?,10 objectSelector LabelSelector,11 matchConditions []NamedExpression',
  MutatingWebhook:
    '1 name s,2 clientConfig WebhookClientConfig,3 rules []WebhookRule,4 failurePolicy s?,' +
    '5 namespaceSelector LabelSelector,6 sideEffects s?,7 timeoutSeconds i?,8 admissionReviewVersions []s,' +
    '9 matchPolicy s?,10 reinvocationPolicy s?,11 objectSelector LabelSelector,12 matchConditions []NamedExpression',
  WebhookRule: '1 operations []s,2 rule ~ResourceRule',
  ResourceRule: '1 apiGroups []s,2 apiVersions []s,3 resources []s,4 scope s?',
  NamedWebhookRule: '1 resourceNames []s,2 rule ~WebhookRule',
  NamedExpression: '1 name s,2 expression s',
  MatchResources:
    '1 namespaceSelector LabelSelector,2 objectSelector LabelSelector,3 resourceRules []NamedWebhookRule,' +
    '4 excludeResourceRules []NamedWebhookRule,7 matchPolicy s?',
  ParamKind: '1 apiVersion s,2 kind s',
  ParamRef: '1 name s,2 namespace s,3 selector LabelSelector,4 parameterNotFoundAction s?',

  'admissionregistration.k8s.io/v1/ValidatingAdmissionPolicy':
    '1 metadata ObjectMeta,2 spec ValidatingPolicySpec,3 status ValidatingPolicyStatus',
  ValidatingPolicySpec:
    '1 paramKind ParamKind,2 matchConstraints MatchResources,3 validations []PolicyValidation,4 failurePolicy s?,' +
    '5 auditAnnotations []AuditAnnotation,6 matchConditions []NamedExpression,7 variables []NamedExpression',
  PolicyValidation: '1 expression s,2 message s,3 reason s?,4 messageExpression s',
  AuditAnnotation: '1 key s,2 valueExpression s',
  ValidatingPolicyStatus: '1 observedGeneration i,2 typeChecking TypeChecking,3 conditions []Condition',
  TypeChecking: '1 expressionWarnings []ExpressionWarning',
  ExpressionWarning: '2 fieldRef s,3 warning s',
  Condition: '1 type s,2 status s,3 observedGeneration i,4 lastTransitionTime T,5 reason s,6 message s',
  'admissionregistration.k8s.io/v1/ValidatingAdmissionPolicyBinding':
    '1 metadata ObjectMeta,2 spec ValidatingBindingSpec',
  ValidatingBindingSpec:
    '1 policyName s,2 paramRef ParamRef,3 matchResources MatchResources,4 validationActions []s',
  'admissionregistration.k8s.io/v1/MutatingAdmissionPolicy':
    '1 metadata ObjectMeta,2 spec MutatingPolicySpec',
  MutatingPolicySpec:
    '1 paramKind ParamKind,2 matchConstraints MatchResources,3 variables []NamedExpression,4 mutations []Mutation,' +
    '5 failurePolicy s?,6 matchConditions []NamedExpression,7 reinvocationPolicy s',
  Mutation: '2 patchType s,3 applyConfiguration Expression,4 jsonPatch Expression',
  Expression: '1 expression s',
  'admissionregistration.k8s.io/v1/MutatingAdmissionPolicyBinding':
    '1 metadata ObjectMeta,2 spec MutatingBindingSpec',
  MutatingBindingSpec: '1 policyName s,2 paramRef ParamRef,3 matchResources MatchResources',

  'flowcontrol.apiserver.k8s.io/v1/FlowSchema':
    '1 metadata ObjectMeta,2 spec FlowSchemaSpec,3 status FlowStatus',
  FlowSchemaSpec:
    '1 priorityLevelConfiguration LocalObjectReference,2 matchingPrecedence i,3 distinguisherMethod FlowMethod,' +
    '4 rules []FlowRules',
  FlowMethod: '1 type s',
  FlowRules: '1 subjects []FlowSubject,2 resourceRules []FlowResourceRule,3 nonResourceRules []FlowPathRule',
  FlowSubject:
    '1 kind s,2 user LocalObjectReference,3 group LocalObjectReference,4 serviceAccount FlowAccount',
  FlowAccount: '1 namespace s,2 name s',
  FlowResourceRule: '1 verbs []s,2 apiGroups []s,3 resources []s,4 clusterScope b,5 namespaces []s',
  FlowPathRule: '1 verbs []s,6 nonResourceURLs []s',
  FlowStatus: '1 conditions []FlowCondition',
  FlowCondition: '1 type s,2 status s,3 lastTransitionTime T,4 reason s,5 message s',
  'flowcontrol.apiserver.k8s.io/v1/PriorityLevelConfiguration':
    '1 metadata ObjectMeta,2 spec PriorityLevelSpec,3 status FlowStatus',
  PriorityLevelSpec: '1 type s,2 limited LimitedLevel,3 exempt ExemptLevel',
  LimitedLevel:
    '1 nominalConcurrencyShares i?,2 limitResponse LimitResponse,3 lendablePercent i?,4 borrowingLimitPercent i?',
  ExemptLevel: '1 nominalConcurrencyShares i?,2 lendablePercent i?',
  LimitResponse: '1 type s,2 queuing Queuing',
  Queuing: '1 queues i,2 handSize i,3 queueLengthLimit i',

  'apiregistration.k8s.io/v1/APIService': '1 metadata ObjectMeta,2 spec ApiServiceSpec,3 status FlowStatus',
  ApiServiceSpec:
    '1 service ApiServiceReference,2 group s,3 version s,4 insecureSkipTLSVerify b,5 caBundle y,' +
    '7 groupPriorityMinimum i,8 versionPriority i',
  ApiServiceReference: '1 namespace s,2 name s,3 port i?',
} as const
