import { isAlreadyExists, notFound } from '../../apimachinery/status-error.ts'
import type { JsonObject } from '../../crds/meta/json.ts'
import { decodeObjectOfKind, decodeWithoutDefaults } from '../registry/decode-object.ts'
import type { KubeObject } from '../registry/kube-object.ts'
import { keyOf, type ResourceDefinition } from '../registry/resource-definition.ts'
import { storeNew } from './create.ts'
import { applyConfiguration } from './patch.ts'
import { decideReplacement } from './replace.ts'
import type { Author, HandlerServices } from './services.ts'

/** Writes of the server itself: the same rules as for requests, without the way through HTTP. */
export class LocalApi {
  readonly #services: HandlerServices
  readonly #author: Author

  constructor(services: HandlerServices, manager: string, signal: AbortSignal) {
    this.#services = services
    this.#author = { manager, user: undefined, dryRun: false, signal }
  }

  /** The same under another field manager's name. */
  as(manager: string): LocalApi {
    return new LocalApi(this.#services, manager, this.#author.signal)
  }

  /** Leaves an object that is there already alone. */
  async createIfMissing(definition: ResourceDefinition, object: JsonObject): Promise<void> {
    const { object: decoded } = decodeObjectOfKind(definition, object)
    try {
      await storeNew(this.#services, definition, decoded, this.#author)
    } catch (error) {
      if (!isAlreadyExists(error)) throw error
    }
  }

  /** Replaces an object by what `edit` makes of it; `edit` returns undefined to leave it. Throws NotFound. */
  async update(
    definition: ResourceDefinition,
    { namespace, name }: { namespace: string; name: string },
    edit: (current: KubeObject) => KubeObject | undefined,
  ): Promise<void> {
    const target = { definition, namespace, name }
    const intent = { services: this.#services, target, author: this.#author, applied: false }
    await this.#services.objects.change(
      definition,
      keyOf(definition, namespace, name),
      async (current) => {
        if (!current) throw notFound({ group: definition.group, resource: definition.plural }, name)
        const next = edit(current)
        return next ? await decideReplacement(intent, next, current) : { type: 'write', object: current }
      },
      this.#author,
    )
  }

  /** Server-side apply by force: afterwards the object is as configured. Writes nothing when it is so already. */
  async apply(definition: ResourceDefinition, object: JsonObject): Promise<void> {
    const { object: configuration } = decodeWithoutDefaults(definition, object)
    const { namespace = '', name = '' } = configuration.metadata
    const target = { definition, namespace, name }
    const intent = { services: this.#services, target, author: this.#author, applied: true }
    await this.#services.objects.change(
      definition,
      keyOf(definition, namespace, name),
      async (current) => await applyConfiguration(intent, { configuration, force: true }, current),
      this.#author,
    )
  }
}
