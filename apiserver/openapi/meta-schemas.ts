import type { JsonObject } from '../../crds/meta/json.ts'
import { metaPackage, schemaRef } from './schema-names.ts'

/*
 * The schemas that every document shares: metadata, lists, statuses and options of requests.
 */

const text = (description: string): JsonObject => ({ type: 'string', description })
const bool = (description: string): JsonObject => ({ type: 'boolean', description })
const integer = (description: string, format = 'int64'): JsonObject => ({
  type: 'integer',
  format,
  description,
})
const texts = (description: string, more: JsonObject = {}): JsonObject => ({
  type: 'array',
  description,
  items: { type: 'string' },
  ...more,
})
const textMap = (description: string): JsonObject => ({
  type: 'object',
  description,
  additionalProperties: { type: 'string' },
})
/** A reference with a description of its own; what stands beside a plain `$ref` does not count. */
const described = (name: string, description: string): JsonObject => ({
  description,
  allOf: [schemaRef(`${metaPackage}.${name}`)],
})
const list = (name: string, description: string, more: JsonObject = {}): JsonObject => ({
  type: 'array',
  description,
  items: schemaRef(`${metaPackage}.${name}`),
  ...more,
})

export const apiVersionSchema = text(
  'Group and version that this representation follows. Servers convert other versions that they know and refuse those that they do not.',
)
export const kindSchema = text('The kind of object that this is, in CamelCase. Cannot be changed.')
export const metadataSchema = described(
  'ObjectMeta',
  "Standard metadata: the object's name, labels, annotations and owners.",
)

const typeMeta = { apiVersion: apiVersionSchema, kind: kindSchema }

const objectMeta: JsonObject = {
  type: 'object',
  description:
    'What every stored object has, whatever its kind: identity, labels, owners and the record of who set what.',
  properties: {
    annotations: textMap('Free-form values by qualified name, for tools. Not used to select objects.'),
    creationTimestamp: described('Time', 'When the object was created. Set by the server.'),
    deletionGracePeriodSeconds: integer(
      'Seconds until the object goes after it was deleted. Set by the server.',
    ),
    deletionTimestamp: described(
      'Time',
      'When the object is to go. Set by the server when a client deletes the object; it goes once there are no finalizers.',
    ),
    finalizers: texts(
      'What has to be done before the object may go. Each entry is removed by the component that is responsible for it.',
      {
        'x-kubernetes-list-type': 'set',
        'x-kubernetes-patch-strategy': 'merge',
      },
    ),
    generateName: text('Prefix of a name that the server completes, used when there is no name.'),
    generation: integer('Counts changes of the desired state. Set by the server.'),
    labels: textMap('Short values by qualified name, by which selectors find objects.'),
    managedFields: list(
      'ManagedFieldsEntry',
      'Who set which fields. Maintained by the server for server-side apply.',
      { 'x-kubernetes-list-type': 'atomic' },
    ),
    name: text(
      'Unique within the namespace, or within the cluster for kinds without namespaces. Cannot be changed.',
    ),
    namespace: text(
      'Within which the name is unique. Empty for kinds without namespaces. Cannot be changed.',
    ),
    ownerReferences: list(
      'OwnerReference',
      'Objects that this one belongs to. It goes when the last of them is gone.',
      {
        'x-kubernetes-list-map-keys': ['uid'],
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-patch-merge-key': 'uid',
        'x-kubernetes-patch-strategy': 'merge',
      },
    ),
    resourceVersion: text(
      'Opaque version of the stored object, for optimistic locking and watches. Set by the server.',
    ),
    selfLink: text('No longer set.'),
    uid: text('Unique in time and space. Set by the server.'),
  },
}

const ownerReference: JsonObject = {
  type: 'object',
  description: 'An object that another one belongs to, in the same namespace or without one.',
  required: ['apiVersion', 'kind', 'name', 'uid'],
  properties: {
    apiVersion: text('Group and version of the owner.'),
    blockOwnerDeletion: bool(
      'Whether the owner, when deleted in the foreground, waits for this object to go first.',
    ),
    controller: bool('Whether the owner is the one that manages the object.'),
    kind: text('Kind of the owner.'),
    name: text('Name of the owner.'),
    uid: text('UID of the owner.'),
  },
  'x-kubernetes-map-type': 'atomic',
}

const managedFieldsEntry: JsonObject = {
  type: 'object',
  description: 'The fields that one manager set with one kind of operation.',
  properties: {
    apiVersion: text('Version of the object that the fields belong to.'),
    fieldsType: text('Format of the fields: `FieldsV1`.'),
    fieldsV1: described('FieldsV1', 'The fields, as nested objects.'),
    manager: text('Who set the fields.'),
    operation: text('`Apply` or `Update`.'),
    subresource: text('The part of the object through which they were set, empty for the object itself.'),
    time: described('Time', 'When the fields were last set or changed.'),
  },
}

const listMeta: JsonObject = {
  type: 'object',
  description: 'What every list has.',
  properties: {
    continue: text('Token for the next page, empty on the last one.'),
    remainingItemCount: integer('How many objects come after this page, where the server knows.'),
    resourceVersion: text('The state of the store that the list shows; a watch continues from here.'),
    selfLink: text('No longer set.'),
  },
}

const statusCause: JsonObject = {
  type: 'object',
  description: 'One of the reasons of a failure.',
  properties: {
    field: text('The field that is at fault, as a path: `spec.disks[0].size`.'),
    message: text('What is wrong, for people.'),
    reason: text('What is wrong, for programs.'),
  },
}

const statusDetails: JsonObject = {
  type: 'object',
  description: 'More about a failure.',
  properties: {
    causes: list('StatusCause', 'All reasons, where there are several.', {
      'x-kubernetes-list-type': 'atomic',
    }),
    group: text('Group of the object concerned.'),
    kind: text('Kind or resource of the object concerned.'),
    name: text('Name of the object concerned.'),
    retryAfterSeconds: integer('Seconds to wait before another try.', 'int32'),
    uid: text('UID of the object concerned.'),
  },
}

const status: JsonObject = {
  type: 'object',
  description: 'The outcome of a request that returns no object.',
  properties: {
    ...typeMeta,
    code: integer('HTTP status code.', 'int32'),
    details: described('StatusDetails', 'More about a failure.'),
    message: text('What happened, for people.'),
    metadata: described('ListMeta', 'Always empty.'),
    reason: text('What happened, for programs.'),
    status: text('`Success` or `Failure`.'),
  },
  'x-kubernetes-group-version-kind': [{ group: '', kind: 'Status', version: 'v1' }],
}

const preconditions: JsonObject = {
  type: 'object',
  description: 'What has to hold for a deletion to be carried out.',
  properties: {
    resourceVersion: text('The resourceVersion that the object must still have.'),
    uid: text('The UID that the object must have.'),
  },
}

const deleteOptions: JsonObject = {
  type: 'object',
  description: 'How to delete.',
  properties: {
    ...typeMeta,
    dryRun: texts('`All` to go through every check and delete nothing.', {
      'x-kubernetes-list-type': 'atomic',
    }),
    gracePeriodSeconds: integer('Seconds until the object goes; 0 for at once.'),
    ignoreStoreReadErrorWithClusterBreakingPotential: bool('Delete an object that cannot be read any more.'),
    orphanDependents: bool('Superseded by propagationPolicy.'),
    preconditions: described('Preconditions', 'What has to hold for the deletion to be carried out.'),
    propagationPolicy: text('What becomes of dependents: `Orphan`, `Background` or `Foreground`.'),
  },
  'x-kubernetes-group-version-kind': [{ group: '', kind: 'DeleteOptions', version: 'v1' }],
}

const watchEvent: JsonObject = {
  type: 'object',
  description: 'One event of a watch.',
  required: ['type', 'object'],
  properties: {
    object: { type: 'object', description: 'The object after the event, or a Status for an error.' },
    type: text('`ADDED`, `MODIFIED`, `DELETED`, `BOOKMARK` or `ERROR`.'),
  },
  'x-kubernetes-group-version-kind': [{ group: '', kind: 'WatchEvent', version: 'v1' }],
}

const apiResource: JsonObject = {
  type: 'object',
  description: 'A resource that the server knows.',
  required: ['name', 'singularName', 'namespaced', 'kind', 'verbs'],
  properties: {
    categories: texts('Groups of resources that it belongs to, such as `all`.', {
      'x-kubernetes-list-type': 'atomic',
    }),
    group: text('Group of the kind, where it is not that of the list.'),
    kind: text('Kind of its objects.'),
    name: text('Its name in paths, in the plural.'),
    namespaced: bool('Whether its objects are in namespaces.'),
    shortNames: texts('Abbreviations for the command line.', { 'x-kubernetes-list-type': 'atomic' }),
    singularName: text('Its name in the singular.'),
    verbs: texts('What can be done with it.'),
    version: text('Version of the kind, where it is not that of the list.'),
  },
}

const apiResourceList: JsonObject = {
  type: 'object',
  description: 'The resources of one group and version.',
  required: ['groupVersion', 'resources'],
  properties: {
    ...typeMeta,
    groupVersion: text('The group and version.'),
    resources: list('APIResource', 'The resources.', { 'x-kubernetes-list-type': 'atomic' }),
  },
  'x-kubernetes-group-version-kind': [{ group: '', kind: 'APIResourceList', version: 'v1' }],
}

/** The shared schemas by name. */
export const metaSchemas: Readonly<Record<string, JsonObject>> = {
  [`${metaPackage}.APIResource`]: apiResource,
  [`${metaPackage}.APIResourceList`]: apiResourceList,
  [`${metaPackage}.DeleteOptions`]: deleteOptions,
  [`${metaPackage}.FieldsV1`]: {
    type: 'object',
    description:
      'A set of fields as nested objects; `f:` names a field, `k:` an element of a list by its keys, `v:` an element of a set.',
  },
  [`${metaPackage}.ListMeta`]: listMeta,
  [`${metaPackage}.ManagedFieldsEntry`]: managedFieldsEntry,
  [`${metaPackage}.ObjectMeta`]: objectMeta,
  [`${metaPackage}.OwnerReference`]: ownerReference,
  [`${metaPackage}.Patch`]: {
    type: 'object',
    description: 'A patch, in the format that the content type of the request names.',
  },
  [`${metaPackage}.Preconditions`]: preconditions,
  [`${metaPackage}.Status`]: status,
  [`${metaPackage}.StatusCause`]: statusCause,
  [`${metaPackage}.StatusDetails`]: statusDetails,
  [`${metaPackage}.Time`]: {
    type: 'string',
    format: 'date-time',
    description: 'A time in RFC 3339, with whole seconds.',
  },
  [`${metaPackage}.WatchEvent`]: watchEvent,
}

export const scaleName = 'io.k8s.api.autoscaling.v1.Scale'

/** The subresource `scale`: how many replicas there are to be, and are. */
export const scaleSchema: JsonObject = {
  type: 'object',
  description: 'How many replicas an object has and is to have.',
  properties: {
    ...typeMeta,
    metadata: metadataSchema,
    spec: {
      type: 'object',
      description: 'What is wanted.',
      properties: { replicas: integer('How many replicas there are to be.', 'int32') },
    },
    status: {
      type: 'object',
      description: 'What there is.',
      required: ['replicas'],
      properties: {
        replicas: integer('How many replicas there are.', 'int32'),
        selector: text('Label selector that finds the replicas.'),
      },
    },
  },
  'x-kubernetes-group-version-kind': [{ group: 'autoscaling', kind: 'Scale', version: 'v1' }],
}
