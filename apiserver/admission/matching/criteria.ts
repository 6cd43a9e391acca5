import { labelSelectorFrom, type LabelSelector } from '../../../apimachinery/selectors/label-selector.ts'
import type { LabelSelectorSpec } from '../../../apimachinery/selectors/label-selector.ts'
import { isJsonObject, type Json, type JsonObject } from '../../../crds/meta/json.ts'
import type { KubeObject } from '../../registry/kube-object.ts'
import { textAt } from '../../registry/kube-object.ts'
import type { AdmissionRequest } from '../admission.ts'
import { isNamespaces, kindOfRequest, namespaceOf, resourceOf, type Shown } from '../attributes.ts'
import type { EquivalentResources } from './equivalents.ts'
import type { NamespaceReader } from './namespaces.ts'
import { compileRules, type CompiledRule } from './rules.ts'

export interface MatchDeps {
  readonly equivalents: EquivalentResources
  readonly namespaces: NamespaceReader
}

/** Rules and selectors of a webhook, policy or binding. */
export class Criteria {
  readonly #rules: readonly CompiledRule[]
  readonly #excluded: readonly CompiledRule[]
  readonly #exact: boolean
  readonly #namespaceSelector: LabelSelector
  readonly #objectSelector: LabelSelector
  readonly #matchesAnything: boolean

  /**
   * `rulesField` is `rules` for webhooks and `resourceRules` elsewhere. With `optional`, no rules match everything,
   * as in bindings. Throws a StatusError when a selector is not valid.
   */
  constructor(spec: JsonObject, rulesField: string, optional = false) {
    this.#rules = compileRules(spec, rulesField)
    this.#excluded = compileRules(spec, 'excludeResourceRules')
    this.#exact = textAt(spec, 'matchPolicy') === 'Exact'
    this.#namespaceSelector = selectorOf(spec['namespaceSelector'])
    this.#objectSelector = selectorOf(spec['objectSelector'])
    this.#matchesAnything = optional && this.#rules.length === 0
  }

  /** In which version the request matches, undefined when it does not. Throws NotFound for a missing namespace. */
  async match(request: AdmissionRequest, { equivalents, namespaces }: MatchDeps): Promise<Shown | undefined> {
    if (this.#excluded.length > 0 && this.#find(this.#excluded, request, equivalents)) return undefined
    const shown = this.#matchesAnything ? asIs(request) : this.#find(this.#rules, request, equivalents)
    if (shown === undefined || !this.#matchesObject(request)) return undefined
    return (await this.#matchesNamespace(request, namespaces)) ? shown : undefined
  }

  #find(
    rules: readonly CompiledRule[],
    request: AdmissionRequest,
    equivalents: EquivalentResources,
  ): Shown | undefined {
    const { operation, subresource, name, definition } = request
    const subject = { operation, subresource, name, namespace: namespaceOf(request) }
    if (rules.some((rule) => rule.matches({ ...subject, definition }))) return asIs(request)
    if (this.#exact) return undefined
    // Earlier rules count more than the order of versions.
    const others = equivalents.of(definition)
    for (const rule of others.length > 0 ? rules : []) {
      const other = others.find((version) => rule.matches({ ...subject, definition: version }))
      if (other === undefined) continue
      const kind = kindOfRequest(request)
      const own = kind.group === definition.group && kind.kind === definition.kind
      return {
        definition: other,
        resource: resourceOf(other),
        kind: own ? { group: other.group, version: other.version, kind: other.kind } : kind,
      }
    }
    return undefined
  }

  #matchesObject({ object, current }: AdmissionRequest): boolean {
    const selector = this.#objectSelector
    if (selector.empty) return true
    return [object, current].some((one) => one !== undefined && selector.matches(labelsOf(one)))
  }

  async #matchesNamespace(request: AdmissionRequest, namespaces: NamespaceReader): Promise<boolean> {
    const selector = this.#namespaceSelector
    if (selector.empty) return true
    const { definition, operation, subresource, object, signal } = request
    const namespace = namespaceOf(request)
    const written = operation === 'CREATE' || operation === 'UPDATE'
    if (isNamespaces(definition) && subresource === '' && written) {
      return selector.matches(object && labelsOf(object))
    }
    // What is in no namespace is not exempt by way of one.
    if (namespace === '') return true
    return selector.matches(labelsOf(await namespaces.get(namespace, signal)))
  }
}

function asIs(request: AdmissionRequest): Shown {
  const { definition } = request
  return { definition, kind: kindOfRequest(request), resource: resourceOf(definition) }
}

function selectorOf(spec: Json | undefined): LabelSelector {
  return labelSelectorFrom(isJsonObject(spec) ? (spec as LabelSelectorSpec) : {})
}

const labelsOf = ({ metadata }: KubeObject) => metadata.labels ?? {}
