import type { JsonObject } from '../../crds/meta/json.ts'
import type { CompiledSchema } from '../schema/structural.ts'
import type { FieldError } from './field-errors.ts'
import type { KubeObject } from './kube-object.ts'
import type { Strategy } from './strategy.ts'

/** One resource in one version as it is served: everything the generic handlers need to know about a kind. */
export interface ResourceDefinition {
  readonly group: string
  readonly version: string
  readonly kind: string
  readonly listKind: string
  readonly plural: string
  readonly singular: string
  readonly shortNames: readonly string[]
  readonly categories: readonly string[]
  readonly namespaced: boolean
  readonly verbs: readonly ApiVerb[]
  readonly stored: StoredForm
  readonly schema: ObjectSchema
  /** The same schema as published in OpenAPI, apiVersion, kind and metadata included. */
  readonly openApiSchema: JsonObject
  readonly strategy: Strategy
  readonly subresources: Readonly<Record<string, Subresource>>
  readonly columns: readonly PrinterColumn[] | undefined
  /** Fields beside `metadata.name` and `metadata.namespace` that a field selector may name. */
  readonly selectableFields: Readonly<Record<string, (object: KubeObject) => string>>
  /** Custom resources know no strategic merge patch, and their lists carry `kind` in every item. */
  readonly custom: boolean
  readonly deprecation?: string
  /** Aborted when the definition is served no more, or another one in its place: watches end then. */
  readonly withdrawn?: AbortSignal
  /** The kind is on its way out: what there is of it can be read and deleted, but nothing new comes. */
  readonly terminating?: boolean
}

export type ApiVerb = 'create' | 'delete' | 'deletecollection' | 'get' | 'list' | 'patch' | 'update' | 'watch'

export const allVerbs: readonly ApiVerb[] = [
  'create',
  'delete',
  'deletecollection',
  'get',
  'list',
  'patch',
  'update',
  'watch',
]

/** Where and in which version the objects of a resource lie in the store; shared by all its served versions. */
export interface StoredForm {
  /** With a slash at both ends: `/registry/configmaps/`. */
  readonly prefix: string
  readonly apiVersion: string
  /** Seconds after which the store forgets an object by itself. */
  readonly ttlSeconds?: number
  /** From the served into the stored version; absent when both are the same. */
  encode?(object: KubeObject): KubeObject
  /** From what is stored into the served version. Must be pure; answers are remembered. */
  decode?(object: KubeObject): KubeObject
  /** Goes before `encode` and `decode` where getting from one version to another takes a webhook. */
  readonly conversion?: VersionConversion
}

/** Conversion between the stored versions of a kind and one served version by somebody else. Throws StatusError. */
export interface VersionConversion {
  /** False when `decode` does, because the object is stored in the served version. */
  concerns(stored: KubeObject): boolean
  /** Into the served version: one answer per object, in order. */
  toServed(stored: readonly KubeObject[]): Promise<KubeObject[]>
  /** From the served into the version that is stored now. */
  toStored(object: KubeObject): Promise<KubeObject>
}

/** What the schema of a kind does to an object. Objects are never changed in place. */
export interface ObjectSchema {
  readonly compiled: CompiledSchema
  /** Drops unknown fields and says which (`spec.foo`). */
  prune(object: KubeObject): { readonly object: KubeObject; readonly unknown: readonly string[] }
  /** Nulls that are not allowed and have no default are dropped, or kept for `validate` to refuse. */
  applyDefaults(object: KubeObject, nulls?: 'drop' | 'keep'): KubeObject
  /** `current` is the stored object on an update: unchanged faults are forgiven where Kubernetes does. */
  validate(object: KubeObject, current: KubeObject | undefined): readonly FieldError[]
}

export interface PrinterColumn {
  readonly name: string
  readonly type: string
  readonly format?: string
  readonly description?: string
  readonly priority?: number
  readonly jsonPath: string
}

/** `/status`, `/finalize`, `/approval`: a part of the object written on its own. */
export interface PartSubresource {
  readonly type: 'part'
  /** What of `next` is taken over into `current`. Both are left as they are. */
  merge(next: KubeObject, current: KubeObject): KubeObject
  validate?(next: KubeObject, current: KubeObject): readonly FieldError[]
}

/** `/scale`: the object's replica count as an `autoscaling/v1` Scale. Paths are JSON paths without the leading dot. */
export interface ScaleSubresource {
  readonly type: 'scale'
  readonly specReplicasPath: readonly string[]
  readonly statusReplicasPath: readonly string[]
  readonly labelSelectorPath: readonly string[] | undefined
}

/** `/token`: something that is posted to an object and answered by a handler that the dispatcher was given for it. */
export interface ActionSubresource {
  readonly type: 'action'
  /** What is posted and comes back; never stored. */
  readonly body: ResourceDefinition
}

export type Subresource = PartSubresource | ScaleSubresource | ActionSubresource

export function apiVersionOf({ group, version }: Pick<ResourceDefinition, 'group' | 'version'>): string {
  return group === '' ? version : `${group}/${version}`
}

export function keyOf(definition: ResourceDefinition, namespace: string, name: string): string {
  return definition.namespaced
    ? `${definition.stored.prefix}${namespace}/${name}`
    : `${definition.stored.prefix}${name}`
}

/** The keys of one namespace, or of all when it is empty. */
export function prefixOf({ stored, namespaced }: ResourceDefinition, namespace: string): string {
  return namespaced && namespace !== '' ? `${stored.prefix}${namespace}/` : stored.prefix
}
