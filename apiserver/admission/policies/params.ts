import { labelSelectorFrom, type LabelSelectorSpec } from '../../../apimachinery/selectors/label-selector.ts'
import { isJsonObject } from '../../../crds/meta/json.ts'
import { textAt, type KubeObject } from '../../registry/kube-object.ts'
import type { ObjectStore } from '../../registry/object-store.ts'
import { keyOf, prefixOf, type ResourceDefinition } from '../../registry/resource-definition.ts'
import type { ResourceMap } from '../../registry/resource-map.ts'
import type { AdmissionRequest } from '../admission.ts'
import { isNamespaces, namespaceOf } from '../attributes.ts'
import type { CompiledBinding, ParamKind } from './compiled-policy.ts'

/** Parameters that cannot be had; the message goes to the client. */
export class ParamError extends Error {
  override readonly name = 'ParamError'
}

/** Finds the parameters of policies, in the caches of their kinds. */
export class ParamReader {
  readonly #objects: ObjectStore
  readonly #resources: ResourceMap

  constructor(objects: ObjectStore, resources: ResourceMap) {
    this.#objects = objects
    this.#resources = resources
  }

  /** Every object that the policy runs with: one `undefined` when it has none. Throws ParamError. */
  async collect(
    paramKind: ParamKind | undefined,
    { paramRef }: CompiledBinding,
    request: AdmissionRequest,
  ): Promise<(KubeObject | undefined)[]> {
    if (paramKind === undefined || paramRef === undefined) return [undefined]
    const definition = this.#definitionOf(paramKind)
    const namespace = namespaceForParams(definition, textAt(paramRef, 'namespace'), request)
    const name = textAt(paramRef, 'name')
    const selector = isJsonObject(paramRef['selector']) ? paramRef['selector'] : undefined
    const found =
      name === ''
        ? await this.#select(definition, namespace, selector ?? {}, request.signal)
        : await this.#get(definition, namespace, name, request.signal)
    if (found.length === 0 && textAt(paramRef, 'parameterNotFoundAction') !== 'Allow') {
      throw new ParamError('no params found for policy binding with `Deny` parameterNotFoundAction')
    }
    return found
  }

  #definitionOf({ apiVersion, kind }: ParamKind): ResourceDefinition {
    const slash = apiVersion.indexOf('/')
    const group = slash < 0 ? '' : apiVersion.slice(0, slash)
    const definition = this.#resources.findKind(group, kind, apiVersion.slice(slash + 1))
    if (definition) return definition
    throw new ParamError(`paramKind kind \`${apiVersion}, Kind=${kind}\` not known`)
  }

  async #get(
    definition: ResourceDefinition,
    namespace: string,
    name: string,
    signal: AbortSignal,
  ): Promise<KubeObject[]> {
    // From the cache, however far it has got.
    const item = await this.#objects.read(definition, keyOf(definition, namespace, name), 0, signal)
    return item ? [item.object as KubeObject] : []
  }

  async #select(
    definition: ResourceDefinition,
    namespace: string,
    spec: LabelSelectorSpec,
    signal: AbortSignal,
  ): Promise<KubeObject[]> {
    const selector = labelSelectorFrom(spec)
    const cache = await this.#objects.cache(definition, signal)
    const found: KubeObject[] = []
    for (const { key, object } of cache.list(prefixOf(definition, namespace))) {
      if (!selector.matches((object as KubeObject).metadata.labels)) continue
      const item = await this.#objects.read(definition, key, 0, signal)
      if (item) found.push(item.object as KubeObject)
    }
    return found
  }
}

function namespaceForParams(
  { namespaced }: ResourceDefinition,
  wanted: string,
  request: AdmissionRequest,
): string {
  if (!namespaced) {
    if (wanted === '') return ''
    throw new ParamError('paramRef.namespace must not be provided for a cluster-scoped `paramKind`')
  }
  if (wanted !== '') return wanted
  const own = isNamespaces(request.definition) ? '' : namespaceOf(request)
  if (own !== '') return own
  throw new ParamError(
    'cannot use namespaced paramRef in policy binding that matches cluster-scoped resources',
  )
}
