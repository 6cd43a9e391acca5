import { builtIn, statusPart } from '../builtin/built-in.ts'
import {
  anything,
  bool,
  bytes,
  conditionList,
  integer,
  kindSchema,
  list,
  object,
  strings,
  text,
} from '../builtin/schema-parts.ts'
import { isJsonObject, type Json } from '../../../crds/meta/json.ts'
import { at, objectAt, objectsAt, textAt, type KubeObject } from '../kube-object.ts'
import { validateCrd, validateCrdUpdate } from './crd-validation.ts'
import { setCondition } from './crd-conditions.ts'

/** Keeps a CRD until the objects of its kind are gone. */
export const cleanupFinalizer = 'customresourcecleanup.apiextensions.k8s.io'

const names = object(
  'What the kind is called.',
  {
    plural: text('Name in URLs.'),
    singular: text('Name for people; the kind in lower case when left out.'),
    shortNames: strings('Abbreviations.'),
    kind: text('Name in objects.'),
    listKind: text('Name of lists; the kind with List when left out.'),
    categories: strings('Groups of kinds, such as all, that it belongs to.'),
  },
  ['plural', 'kind'],
)

const clientConfig = object('How to reach the webhook.', {
  url: text('Its URL.'),
  service: object(
    'The service in front of it.',
    { namespace: text(''), name: text(''), path: text(''), port: integer('') },
    ['namespace', 'name'],
  ),
  caBundle: bytes('Certificates to trust, PEM-encoded.'),
})

const version = object(
  'One version of the kind.',
  {
    name: text('Such as v1 or v1alpha1.'),
    served: bool('Whether clients can use it.'),
    storage: bool('Whether objects are stored in it; true for exactly one.'),
    deprecated: bool('Whether clients get a warning.'),
    deprecationWarning: text('What the warning says.'),
    schema: object('What objects look like.', {
      openAPIV3Schema: anything('A structural OpenAPI v3 schema.'),
    }),
    subresources: object('Parts of the object that are written on their own.', {
      status: anything('Enables /status.'),
      scale: object(
        'Enables /scale.',
        {
          specReplicasPath: text('JSON path of the wanted count.'),
          statusReplicasPath: text('JSON path of the present count.'),
          labelSelectorPath: text('JSON path of the label selector.'),
        },
        ['specReplicasPath', 'statusReplicasPath'],
      ),
    }),
    additionalPrinterColumns: list(
      'Columns of tables.',
      object(
        '',
        {
          name: text('Head of the column.'),
          type: text('Type as in OpenAPI.'),
          format: text('Format as in OpenAPI.'),
          description: text('What it shows.'),
          priority: integer('0 is always shown.'),
          jsonPath: text('Where the value is.'),
        },
        ['name', 'type', 'jsonPath'],
      ),
    ),
    selectableFields: list(
      'Fields that field selectors may use.',
      object('', { jsonPath: text('Where the value is.') }, ['jsonPath']),
    ),
  },
  ['name', 'served', 'storage'],
)

export const customResourceDefinitions = builtIn({
  group: 'apiextensions.k8s.io',
  kind: 'CustomResourceDefinition',
  plural: 'customresourcedefinitions',
  shortNames: ['crd', 'crds'],
  namespaced: false,
  schema: kindSchema(
    'Adds a kind to the API.',
    {
      spec: object(
        'The kind.',
        {
          group: text('API group.'),
          names,
          scope: text('Namespaced or Cluster.'),
          versions: list('The versions, most preferred first.', version),
          conversion: object(
            'How objects get from one version to another.',
            {
              strategy: text('None or Webhook.'),
              webhook: object(
                'The webhook that converts.',
                { clientConfig, conversionReviewVersions: strings('Review versions that it understands.') },
                ['conversionReviewVersions'],
              ),
            },
            ['strategy'],
          ),
          preserveUnknownFields: bool('Has to be false.'),
        },
        ['group', 'names', 'scope', 'versions'],
      ),
      status: object('Whether the kind is served.', {
        conditions: conditionList('NamesAccepted, Established, Terminating, NonStructuralSchema.'),
        acceptedNames: { ...names, required: [] },
        storedVersions: strings('Versions that objects may be stored in.'),
      }),
    },
    ['spec'],
  ),
  strategy: {
    allowUnconditionalUpdate: false,
    countsGenerations: true,
    prepareForCreate(crd) {
      fillDefaults(crd)
      crd['status'] = {
        conditions: [],
        acceptedNames: { plural: '', kind: '' },
        storedVersions: storageVersions(crd),
      }
    },
    prepareForUpdate(next) {
      fillDefaults(next)
      const status = objectAt(next, 'status')
      const stored = [
        ...new Set([...((status['storedVersions'] as string[] | undefined) ?? []), ...storageVersions(next)]),
      ]
      next['status'] = { ...status, storedVersions: stored }
    },
    validate: validateCrd,
    validateUpdate: validateCrdUpdate,
    beginDeletion(crd) {
      crd.metadata.finalizers = [...new Set([...(crd.metadata.finalizers ?? []), cleanupFinalizer])]
      crd['status'] = setCondition(objectAt(crd, 'status'), crd.metadata.deletionTimestamp ?? '', {
        type: 'Terminating',
        status: 'True',
        reason: 'InstanceDeletionPending',
        message: 'CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon',
      })
    },
  },
  subresources: { status: statusPart },
  stored: { prefix: '/registry/apiextensions.k8s.io/customresourcedefinitions/' },
})

function fillDefaults(crd: KubeObject): void {
  const spec = objectAt(crd, 'spec')
  const given = objectAt(spec, 'names')
  const kind = textAt(given, 'kind')
  crd['spec'] = {
    ...spec,
    names: {
      ...given,
      singular: textAt(given, 'singular') || kind.toLowerCase(),
      listKind: textAt(given, 'listKind') || `${kind}List`,
    },
    conversion: withPort(spec['conversion']) ?? { strategy: 'None' },
  }
}

function withPort(conversion: Json | undefined): Json | undefined {
  const service = at(conversion, 'webhook', 'clientConfig', 'service')
  if (!isJsonObject(service) || service['port'] !== undefined) return conversion
  const webhook = objectAt(conversion, 'webhook')
  const clientConfig = { ...objectAt(webhook, 'clientConfig'), service: { ...service, port: 443 } }
  return { ...objectAt(conversion), webhook: { ...webhook, clientConfig } }
}

function storageVersions(crd: KubeObject): string[] {
  return objectsAt(crd, 'spec', 'versions')
    .filter(({ storage }) => storage === true)
    .map((one) => textAt(one, 'name'))
}
