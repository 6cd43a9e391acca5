import type { UserInfo } from '../http/exchange.ts'
import type { FieldError } from './field-errors.ts'
import type { KubeObject } from './kube-object.ts'
import { dnsSubdomain, type NameRule } from './names.ts'

/**
 * What is special about a kind. Everything else (names, metadata, ownership, versions, deletion) is generic.
 * `prepare…` may change the object it is given, `validate…` never does.
 */
export interface Strategy {
  readonly nameRule: NameRule
  /** PUT without a resourceVersion is taken as "whatever is there now". */
  readonly allowUnconditionalUpdate: boolean
  /** PUT to a name that does not exist creates it. */
  readonly allowCreateOnUpdate: boolean
  /** `metadata.generation` counts changes of everything but metadata and status. */
  readonly countsGenerations: boolean
  /** A successful DELETE answers with the object instead of a Status. */
  readonly returnsDeletedObject: boolean
  /** `user` is who asked, undefined for the server itself. */
  prepareForCreate(object: KubeObject, user: UserInfo | undefined): void
  prepareForUpdate(next: KubeObject, current: KubeObject): void
  validate(object: KubeObject): readonly FieldError[]
  validateUpdate(next: KubeObject, current: KubeObject): readonly FieldError[]
  /** What the first request to delete changes beyond `deletionTimestamp`. Throws Forbidden when it may not be deleted. */
  beginDeletion(object: KubeObject): void
  /** True while something other than `metadata.finalizers` holds the deletion up. */
  holdsDeletion(object: KubeObject): boolean
}

const defaults: Strategy = {
  nameRule: dnsSubdomain,
  allowUnconditionalUpdate: true,
  allowCreateOnUpdate: false,
  countsGenerations: false,
  returnsDeletedObject: false,
  prepareForCreate() {},
  prepareForUpdate() {},
  validate: () => [],
  validateUpdate: () => [],
  beginDeletion() {},
  holdsDeletion: () => false,
}

/** A strategy that differs from the plainest one in what is given. */
export function strategy(overrides: Partial<Strategy> = {}): Strategy {
  return { ...defaults, ...overrides }
}
