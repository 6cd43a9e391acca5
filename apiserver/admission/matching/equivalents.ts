import type { ResourceDefinition } from '../../registry/resource-definition.ts'
import type { ResourceMap } from '../../registry/resource-map.ts'

/** Which other versions the objects of a resource are served in. */
export class EquivalentResources {
  readonly #resources: ResourceMap
  readonly #known = new Map<ResourceDefinition, readonly ResourceDefinition[]>()
  #generation = -1

  constructor(resources: ResourceMap) {
    this.#resources = resources
  }

  /** All others that are stored in the same place, in the order in which they are served. */
  of(definition: ResourceDefinition): readonly ResourceDefinition[] {
    const { generation } = this.#resources
    if (generation !== this.#generation) {
      this.#generation = generation
      this.#known.clear()
    }
    let others = this.#known.get(definition)
    if (others === undefined) {
      const { prefix } = definition.stored
      others = this.#resources.all().filter((one) => one !== definition && one.stored.prefix === prefix)
      this.#known.set(definition, others)
    }
    return others
  }
}
