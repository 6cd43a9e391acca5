import type { z } from 'zod'
import type { KubeObject } from './object-meta.ts'

export interface PrinterColumn {
  readonly name: string
  readonly type: 'string' | 'integer' | 'date' | 'number' | 'boolean'
  readonly jsonPath: string
  readonly description: string
  /** 0 is shown always, 1 with `-o wide`. */
  readonly priority?: 0 | 1
}

/** A word that a condition's or an Event's `reason` may be, with the sentence that documents it. */
export type Reasons = Readonly<Record<string, string>>

/** A condition type of a kind: its question and every reason it may carry. */
export interface ConditionDoc {
  readonly type: string
  readonly description: string
  readonly reasons: Reasons
}

/** Everything there is to say about one kind; CRD, docs page and types all derive from it. */
export interface KindDefinition<
  Spec extends z.ZodObject = z.ZodObject,
  Status extends z.ZodObject = z.ZodObject,
> {
  readonly group: string
  readonly version: string
  readonly kind: string
  readonly plural: string
  readonly singular: string
  readonly shortNames: readonly string[]
  readonly scope: 'Namespaced' | 'Cluster'
  readonly description: string
  readonly spec: Spec
  readonly status: Status
  readonly printerColumns: readonly PrinterColumn[]
  /** JSON paths that field selectors may name (KEP-4358). */
  readonly selectableFields: readonly string[]
  readonly conditions: readonly ConditionDoc[]
}

const group = 'kvorum.dev'
const version = 'v1alpha1'

export function defineKind<Spec extends z.ZodObject, Status extends z.ZodObject>(
  definition: Omit<KindDefinition<Spec, Status>, 'group' | 'version' | 'singular'>,
): KindDefinition<Spec, Status> {
  return { group, version, singular: definition.kind.toLowerCase(), ...definition }
}

export function apiVersionOf({ group, version }: Pick<KindDefinition, 'group' | 'version'>): string {
  return `${group}/${version}`
}

/** True when `object` is of the kind that `definition` describes. */
export function isKind(object: KubeObject, definition: KindDefinition): boolean {
  return object.kind === definition.kind && object.apiVersion === apiVersionOf(definition)
}
