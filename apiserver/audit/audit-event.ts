import type { Status } from '../../apimachinery/status-error.ts'
import type { Json } from '../../crds/meta/json.ts'

/** How much of a request is written down, from nothing to everything. */
export const auditLevels = ['None', 'Metadata', 'Request', 'RequestResponse'] as const
export type AuditLevel = (typeof auditLevels)[number]

export const auditStages = ['RequestReceived', 'ResponseStarted', 'ResponseComplete', 'Panic'] as const
export type AuditStage = (typeof auditStages)[number]

export interface AuditUser {
  readonly username?: string
  readonly uid?: string
  readonly groups?: readonly string[]
  readonly extra?: Readonly<Record<string, readonly string[]>>
}

export interface AuditObjectRef {
  readonly resource?: string
  readonly namespace?: string
  readonly name?: string
  readonly uid?: string
  readonly apiGroup?: string
  readonly apiVersion?: string
  readonly resourceVersion?: string
  readonly subresource?: string
}

/** What `responseStatus` says: a Status without its kind; successes often have nothing but the code. */
export type AuditStatus = Partial<Omit<Status, 'kind' | 'apiVersion'>> & { readonly code: number }

/** An event of `audit.k8s.io/v1`, its fields in the order in which Kubernetes writes them. */
export interface AuditEvent {
  readonly kind: 'Event'
  readonly apiVersion: 'audit.k8s.io/v1'
  readonly level: AuditLevel
  readonly auditID: string
  readonly stage: AuditStage
  readonly requestURI: string
  readonly verb: string
  readonly user: AuditUser
  readonly impersonatedUser?: AuditUser | undefined
  readonly sourceIPs?: readonly string[] | undefined
  readonly userAgent?: string | undefined
  readonly objectRef?: AuditObjectRef | undefined
  readonly responseStatus?: AuditStatus | undefined
  readonly requestObject?: Json | undefined
  readonly responseObject?: Json | undefined
  /** RFC 3339 with microseconds. */
  readonly requestReceivedTimestamp: string
  readonly stageTimestamp: string
  readonly annotations?: Readonly<Record<string, string>> | undefined
}
