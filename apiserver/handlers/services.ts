import type { Clock } from '../../apimachinery/clock.ts'
import type { Logger } from '../../apimachinery/log.ts'
import type { JsonObject } from '../../crds/meta/json.ts'
import type { Admission } from '../admission/admission.ts'
import type { FieldOwnership } from '../registry/field-ownership.ts'
import type { NamespaceGate } from '../registry/namespace-gate.ts'
import type { ObjectStore } from '../registry/object-store.ts'
import type { PartSubresource, ResourceDefinition } from '../registry/resource-definition.ts'
import type { RequestAudit, RequestContext, UserInfo } from '../http/exchange.ts'
import type { ChunkPool } from './chunk-pool.ts'
import type { SharedLines } from './event-lines.ts'
import type { WriteOptions } from './query-options.ts'
import type { Tables } from './tables.ts'

/** What the verbs work with. */
export interface HandlerServices {
  readonly objects: ObjectStore
  readonly namespaces: NamespaceGate
  readonly ownership: FieldOwnership
  readonly admission: Admission
  readonly tables: Tables
  /** Shared by all watches. */
  readonly lines: SharedLines
  /** Shared by all long answers. */
  readonly chunks: ChunkPool
  readonly clock: Clock
  readonly log: Logger
}

/** What a request is about, after its path has been matched with what is served. */
export interface Target {
  readonly definition: ResourceDefinition
  readonly namespace: string
  readonly name: string
  /** Set when the request is for a part of the object, such as its status. */
  readonly part?: { readonly name: string; readonly subresource: PartSubresource }
}

/** On whose behalf something is written. */
export interface Author {
  readonly manager: string
  /** Undefined: the server itself. */
  readonly user: UserInfo | undefined
  readonly dryRun: boolean
  readonly signal: AbortSignal
  /** Where admission puts texts for `Warning` headers. */
  readonly warnings?: string[]
  /** Where admission puts annotations of the audit event. */
  readonly annotations?: Map<string, string>
  /** Where an update says what it changes. */
  readonly audit?: RequestAudit | undefined
  /** The options of the request as admission shows them. */
  readonly options?: JsonObject
}

export function authorOf(
  {
    user,
    signal,
    warnings,
    annotations,
    audit,
  }: Pick<RequestContext, 'user' | 'signal' | 'warnings' | 'annotations' | 'audit'>,
  { fieldManager, fieldManagerGiven, fieldValidation, dryRun, force }: WriteOptions,
): Author {
  const options = {
    apiVersion: 'meta.k8s.io/v1',
    ...(dryRun && { dryRun: ['All'] }),
    ...(fieldManagerGiven && { fieldManager }),
    fieldValidation,
    ...(force !== undefined && { force }),
  }
  return { manager: fieldManager, user, dryRun, signal, warnings, annotations, audit, options }
}
