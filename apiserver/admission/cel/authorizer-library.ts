import { EvaluationError, type Environment } from '@marcbachmann/cel-js'
import type { Attributes, Decision } from '../../authorization/authorizer.ts'
import type { UserInfo } from '../../http/exchange.ts'

/**
 * What `authorizer` has been asked while an expression ran. Expressions run without waiting: a question that has no
 * answer yet stops them, and they are run again when it has.
 */
export class AuthorizerQuestions {
  readonly #answers = new Map<string, Decision>()
  readonly #open = new Map<string, Attributes>()

  /** Throws when the answer is not known yet. */
  answerTo(attributes: Attributes): Decision {
    const key = JSON.stringify(attributes)
    const known = this.#answers.get(key)
    if (known) return known
    this.#open.set(key, attributes)
    throw new EvaluationError('authorization has not been decided yet')
  }

  /** Asks what is open; false when there was nothing. */
  async resolve(ask: (attributes: Attributes) => Promise<Decision>): Promise<boolean> {
    if (this.#open.size === 0) return false
    for (const [key, attributes] of this.#open) this.#answers.set(key, await ask(attributes))
    this.#open.clear()
    return true
  }
}

/** `authorizer`: questions about one user. */
export class CelAuthorizer {
  readonly user: UserInfo
  readonly questions: AuthorizerQuestions
  readonly requestResource: ResourceCheck | undefined

  constructor(user: UserInfo, questions: AuthorizerQuestions, requested?: Partial<Attributes>) {
    this.user = user
    this.questions = questions
    this.requestResource = requested && new ResourceCheck(this, requested)
  }
}

class PathCheck {
  readonly authorizer: CelAuthorizer
  readonly path: string

  constructor(authorizer: CelAuthorizer, path: string) {
    this.authorizer = authorizer
    this.path = path
  }
}

class GroupCheck {
  readonly authorizer: CelAuthorizer
  readonly group: string

  constructor(authorizer: CelAuthorizer, group: string) {
    this.authorizer = authorizer
    this.group = group
  }
}

class ResourceCheck {
  readonly authorizer: CelAuthorizer
  readonly attributes: Partial<Attributes>

  constructor(authorizer: CelAuthorizer, attributes: Partial<Attributes>) {
    this.authorizer = authorizer
    this.attributes = attributes
  }

  with(more: Partial<Attributes>): ResourceCheck {
    return new ResourceCheck(this.authorizer, { ...this.attributes, ...more })
  }
}

class CelDecision {
  readonly decision: Decision

  constructor(decision: Decision) {
    this.decision = decision
  }
}

const nothing = {
  isResource: true,
  verb: '',
  group: '',
  version: '*',
  resource: '',
  subresource: '',
  namespace: '',
  name: '',
  path: '',
}

function ask({ user, questions }: CelAuthorizer, attributes: Partial<Attributes>): CelDecision {
  return new CelDecision(questions.answerTo({ ...nothing, ...attributes, user }))
}

function serviceAccount({ questions }: CelAuthorizer, namespace: string, name: string): CelAuthorizer {
  const groups = ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated']
  return new CelAuthorizer({ name: `system:serviceaccount:${namespace}:${name}`, groups }, questions)
}

/** Declares Kubernetes' authorizer functions and their types. */
export function registerAuthorizer(environment: Environment): void {
  const root = 'kubernetes.authorization.Authorizer'
  const path = 'kubernetes.authorization.PathCheck'
  const group = 'kubernetes.authorization.GroupCheck'
  const resource = 'kubernetes.authorization.ResourceCheck'
  const decision = 'kubernetes.authorization.Decision'
  environment
    .registerType(decision, CelDecision)
    .registerType(resource, ResourceCheck)
    .registerType(group, GroupCheck)
    .registerType(path, PathCheck)
    .registerType(root, { ctor: CelAuthorizer, fields: { requestResource: resource } })
    .registerFunction(`${root}.path(string): ${path}`, (a: CelAuthorizer, text: string) => {
      if (text === '') throw new EvaluationError('path must not be empty')
      return new PathCheck(a, text)
    })
    .registerFunction(
      `${root}.group(string): ${group}`,
      (a: CelAuthorizer, text: string) => new GroupCheck(a, text),
    )
    .registerFunction(`${root}.serviceAccount(string, string): ${root}`, serviceAccount)
    .registerFunction(
      `${path}.check(string): ${decision}`,
      ({ authorizer, path: text }: PathCheck, verb: string) =>
        ask(authorizer, { isResource: false, version: '', path: text, verb }),
    )
    .registerFunction(
      `${group}.resource(string): ${resource}`,
      ({ authorizer, group: name }: GroupCheck, text: string) =>
        new ResourceCheck(authorizer, { group: name, resource: text }),
    )
    .registerFunction(
      `${resource}.subresource(string): ${resource}`,
      (check: ResourceCheck, subresource: string) => check.with({ subresource }),
    )
    .registerFunction(
      `${resource}.namespace(string): ${resource}`,
      (check: ResourceCheck, namespace: string) => check.with({ namespace }),
    )
    .registerFunction(`${resource}.name(string): ${resource}`, (check: ResourceCheck, name: string) =>
      check.with({ name }),
    )
    .registerFunction(
      `${resource}.check(string): ${decision}`,
      ({ authorizer, attributes }: ResourceCheck, verb: string) => ask(authorizer, { ...attributes, verb }),
    )
    .registerFunction(`${decision}.allowed(): bool`, ({ decision: { allowed } }: CelDecision) => allowed)
    .registerFunction(`${decision}.reason(): string`, ({ decision: { reason } }: CelDecision) => reason)
    .registerFunction(`${decision}.errored(): bool`, () => false)
    .registerFunction(`${decision}.error(): string`, () => '')
}
