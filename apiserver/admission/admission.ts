import type { JsonObject } from '../../crds/meta/json.ts'
import type { UserInfo } from '../http/exchange.ts'
import type { KubeObject } from '../registry/kube-object.ts'
import type { ResourceDefinition } from '../registry/resource-definition.ts'
import type { Reinvocation } from './reinvocation.ts'

export type Operation = 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT'

/** A write that authorization let through, before it is validated and stored. */
export interface AdmissionRequest {
  readonly operation: Operation
  readonly definition: ResourceDefinition
  readonly namespace: string
  /** Empty for a create whose name is still to be generated. */
  readonly name: string
  /** `status`, `scale`, `approval`, `token` …; empty for the object itself. */
  readonly subresource: string
  /** As it would be stored; undefined for DELETE and CONNECT. */
  readonly object: KubeObject | undefined
  /** As it is stored; undefined for CREATE. */
  readonly current: KubeObject | undefined
  /** Undefined: the server itself, which most plugins let pass. */
  readonly user: UserInfo | undefined
  readonly dryRun: boolean
  /** CreateOptions, UpdateOptions, PatchOptions or DeleteOptions, as webhooks are shown them. */
  readonly options: JsonObject
  readonly signal: AbortSignal
  /** Texts for `Warning` headers; plugins add to them. */
  readonly warnings: string[]
  /** Annotations of the audit event; plugins add to them. */
  readonly annotations: Map<string, string>
  /** Set by the chain while it mutates: what plugins remember between its two rounds. */
  readonly reinvocation?: Reinvocation
}

/**
 * One check or change of writes. Plugins run in a fixed order: all `mutate`, then the schema's validation, then all
 * `validate`. A refusal is thrown as StatusError (mostly Forbidden).
 */
export interface AdmissionPlugin {
  readonly name: string
  /** False: this request is nothing to it. Asked before each call, so it has to be quick. Absent: always true. */
  handles?(request: AdmissionRequest): boolean
  /** Gives the object to go on with; never changes the one in the request. Not called for DELETE without need. */
  mutate?(request: AdmissionRequest): Promise<KubeObject | undefined>
  validate?(request: AdmissionRequest): Promise<void>
}

/** The plugins as the handlers see them. */
export interface Admission {
  /** The object after all changes; undefined for an operation without an object. */
  mutate(request: AdmissionRequest): Promise<KubeObject | undefined>
  validate(request: AdmissionRequest): Promise<void>
}
