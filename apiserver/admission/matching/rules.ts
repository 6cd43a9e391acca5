import type { JsonObject } from '../../../crds/meta/json.ts'
import { objectsAt, stringsAt, textAt } from '../../registry/kube-object.ts'
import type { ResourceDefinition } from '../../registry/resource-definition.ts'
import type { Operation } from '../admission.ts'
import { isNamespaces } from '../attributes.ts'

/** What is written, as far as rules look at it. */
export interface RuleSubject {
  readonly operation: Operation
  readonly definition: ResourceDefinition
  readonly namespace: string
  readonly subresource: string
  readonly name: string
}

/** One rule of a webhook or policy, ready for use. */
export interface CompiledRule {
  matches(subject: RuleSubject): boolean
}

/** The rules under `name`, as they stand in webhooks and policies. */
export function compileRules(owner: JsonObject | undefined, name: string): CompiledRule[] {
  return objectsAt(owner, name).map((rule) => new ResourceRule(rule))
}

class ResourceRule implements CompiledRule {
  readonly #operations: ReadonlySet<string>
  readonly #groups: ReadonlySet<string>
  readonly #versions: ReadonlySet<string>
  readonly #resources: readonly { resource: string; subresource: string }[]
  readonly #names: ReadonlySet<string>
  readonly #scope: string

  constructor(rule: JsonObject) {
    this.#operations = new Set(stringsAt(rule, 'operations'))
    this.#groups = new Set(stringsAt(rule, 'apiGroups'))
    this.#versions = new Set(stringsAt(rule, 'apiVersions'))
    this.#names = new Set(stringsAt(rule, 'resourceNames'))
    this.#scope = textAt(rule, 'scope') || '*'
    this.#resources = stringsAt(rule, 'resources').map((text) => {
      const [resource = '', subresource = ''] = text.split('/', 2)
      return { resource, subresource }
    })
  }

  matches(subject: RuleSubject): boolean {
    const { operation, definition } = subject
    return (
      has(this.#groups, definition.group) &&
      this.#matchesResource(definition.plural, subject.subresource) &&
      has(this.#operations, operation) &&
      has(this.#versions, definition.version) &&
      this.#matchesScope(subject) &&
      (this.#names.size === 0 || this.#names.has(subject.name))
    )
  }

  #matchesResource(plural: string, part: string): boolean {
    return this.#resources.some(
      ({ resource, subresource }) =>
        (resource === '*' || resource === plural) && (subresource === '*' || subresource === part),
    )
  }

  /** Namespaces are cluster-wide, whatever namespace their requests are in. */
  #matchesScope({ definition, namespace }: RuleSubject): boolean {
    if (this.#scope === '*') return true
    const clusterWide = isNamespaces(definition) || namespace === ''
    return clusterWide === (this.#scope === 'Cluster')
  }
}

const has = (set: ReadonlySet<string>, value: string) => set.has(value) || set.has('*')
