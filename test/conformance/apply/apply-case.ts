/** One request of a case, sent by a field manager. */
export interface ApplyStep {
  /** Default `apply`. */
  readonly by?: 'apply' | 'create' | 'update' | 'merge' | 'json' | 'delete' | 'get' | 'define'
  /** The body; for `apply`, `create` and `update` without apiVersion, kind and name. */
  readonly body?: object
  /** The field manager. Default `ann`. */
  readonly as?: string
  readonly force?: boolean
  readonly dryRun?: boolean
  readonly subresource?: 'status' | 'scale'
  /** Default `v1`. */
  readonly version?: 'v1' | 'v2'
  /** Default `Strict`, as kubectl asks for. */
  readonly fieldValidation?: 'Strict' | 'Warn' | 'Ignore'
  /** Text in place of `body`: YAML with what JSON cannot say. */
  readonly text?: string
}

/** A rule of server-side apply and requests that show it. What has to come of each is in `observed.json`. */
export interface ApplyCase {
  /** The rule, as a sentence. */
  readonly title: string
  /** Where the rule is written down. */
  readonly source: string
  readonly kind?: 'Gizmo' | 'Plain' | 'Morph'
  readonly steps: readonly ApplyStep[]
}

type More = Omit<ApplyStep, 'by' | 'body'>

/** Applies a spec. */
export function apply(spec: object, more: More = {}): ApplyStep {
  return { body: { spec }, ...more }
}

/** Applies metadata, and a spec when it is given. */
export function applyMeta(metadata: object, spec?: object, more: More = {}): ApplyStep {
  return { body: { metadata, ...(spec && { spec }) }, ...more }
}

/** Creates an object by POST as `ben`. */
export function create(spec: object, metadata: object = {}, more: More = {}): ApplyStep {
  return { by: 'create', body: { metadata, spec }, as: 'ben', ...more }
}

/** Replaces the object by PUT as `ben`. */
export function update(body: object, more: More = {}): ApplyStep {
  return { by: 'update', body, as: 'ben', ...more }
}

/** Sends a merge patch as `ben`. */
export function merge(body: object, more: More = {}): ApplyStep {
  return { by: 'merge', body, as: 'ben', ...more }
}

/** Sends a JSON patch as `ben`. */
export function json(operations: readonly object[], more: More = {}): ApplyStep {
  return { by: 'json', body: operations, as: 'ben', ...more }
}

export const remove: ApplyStep = { by: 'delete' }
export const read: ApplyStep = { by: 'get' }
