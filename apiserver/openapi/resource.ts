import type { JsonObject } from '../../crds/meta/json.ts'

/** What the documents need to know of a resource that is served. */
export interface OpenApiResource {
  readonly plural: string
  readonly singular: string
  readonly kind: string
  readonly listKind: string
  readonly namespaced: boolean
  /** `create`, `delete`, `deletecollection`, `get`, `list`, `patch`, `update`, `watch`. */
  readonly verbs: readonly string[]
  /** `status`, `scale`, and others that are written like the object itself. */
  readonly subresources: readonly string[]
  /** Subresources that are posted to, with the kind that is posted and comes back. */
  readonly actions?: Readonly<Record<string, OpenApiAction>>
  /** Subresources that are read with GET alone and answer with what is no object of the API. */
  readonly connections?: readonly string[]
  /** `openAPIV3Schema` of the kind; `apiVersion`, `kind` and `metadata` need not be in it. */
  readonly schema: JsonObject
  readonly shortNames: readonly string[]
  /** Custom resources take no strategic merge patch. Default: the group is not one of Kubernetes' own. */
  readonly custom?: boolean | undefined
}

/** `serviceaccounts/token`: something of another kind that is posted to an object. */
export interface OpenApiAction {
  readonly group: string
  readonly version: string
  readonly kind: string
  /** As the schema of a resource. */
  readonly schema: JsonObject
}

/** The resources of one group and version; `group` is '' for core. */
export interface OpenApiGroupVersion {
  readonly group: string
  readonly version: string
  readonly resources: readonly OpenApiResource[]
}

/** `api/v1`, `apis/kvorum.dev/v1alpha1`: where a group and version is served. */
export function groupVersionPath({ group, version }: Pick<OpenApiGroupVersion, 'group' | 'version'>): string {
  return group === '' ? `api/${version}` : `apis/${group}/${version}`
}

export function isCustom({ custom }: OpenApiResource, group: string): boolean {
  return custom ?? (group.includes('.') && !group.endsWith('.k8s.io'))
}
